import { type FewerOptions, fewer } from "../support/fewer.js";
import { simpler } from "./simpler.js";
import type { Step } from "./step.js";

export type ShrinkOptions = FewerOptions<Step>;

/**
 * A short sequence that still fails, made from one that does: first without pieces of it, large ones first
 * (delta debugging), then with simpler arguments.
 */
export async function shrink(
  steps: readonly Step[],
  options: ShrinkOptions,
): Promise<readonly Step[]> {
  let current = steps;
  for (;;) {
    const shorter = await fewer(current, options);
    const simple = await simplified(shorter, options);
    if (simple.length === current.length && simple === shorter) return simple;
    if (isOver(options)) return simple;
    current = simple;
  }
}

/** Tries one simpler form after the other of each step, as long as one is found. */
async function simplified(
  steps: readonly Step[],
  options: ShrinkOptions,
): Promise<readonly Step[]> {
  let current = steps;
  for (let index = 0; index < current.length; index++) {
    for (let found = true; found; ) {
      found = false;
      const step = current[index];
      if (step === undefined || isOver(options)) return current;
      for (const candidate of simpler(step)) {
        const changed = current.with(index, candidate);
        if (!(await options.fails(changed))) continue;
        current = changed;
        found = true;
        break;
      }
    }
  }
  return current;
}

function isOver({ untilMs }: ShrinkOptions): boolean {
  return performance.now() > untilMs;
}
