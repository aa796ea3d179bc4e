import { simpler } from "./simpler.js";
import type { Step } from "./step.js";

export interface ShrinkOptions {
  /** Whether the steps still show what is looked for. */
  readonly fails: (steps: readonly Step[]) => Promise<boolean>;
  /** When to be content with what there is: milliseconds of performance.now(). */
  readonly untilMs: number;
}

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
    const fewer = await withoutPieces(current, options);
    const simple = await simplified(fewer, options);
    if (simple.length === current.length && simple === fewer) return simple;
    if (isOver(options)) return simple;
    current = simple;
  }
}

/** Takes away pieces of half the length, a quarter and so on, down to single steps. */
async function withoutPieces(
  steps: readonly Step[],
  options: ShrinkOptions,
): Promise<readonly Step[]> {
  let current = steps;
  for (let size = Math.ceil(current.length / 2); size >= 1; size = size === 1 ? 0 : size >> 1) {
    // From the end: what comes late is most often of no use.
    for (let end = current.length; end > 0 && !isOver(options); end -= size) {
      const without = [...current.slice(0, Math.max(0, end - size)), ...current.slice(end)];
      if (await options.fails(without)) current = without;
    }
  }
  return current;
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
