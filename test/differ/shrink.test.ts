import { describe, expect, test } from "vitest";
import { generate } from "./generate.js";
import { shrink } from "./shrink.js";
import { simpler } from "./simpler.js";
import type { Step } from "./step.js";

const STEPS = generate({ seed: 5, length: 600, mounts: 2, uid: 1, gid: 1, isRoot: true });
const LATE = { untilMs: Number.POSITIVE_INFINITY };

describe("shrinking", () => {
  test("leaves the steps that it takes, in their order, with the simplest arguments", async () => {
    const fails = async (steps: readonly Step[]) => {
      const first = steps.findIndex(({ call }) => call === "mkdir");
      return steps
        .slice(first + 1)
        .some((step) => first >= 0 && step.call === "truncate" && step.size > 9);
    };
    const short = await shrink(STEPS, { fails, ...LATE });
    expect(short).toEqual([
      { call: "mkdir", path: "a", mode: 0o777 },
      { call: "truncate", path: "a", size: 10 },
    ]);
  });

  test("keeps steps that only fail together, wherever they stand", async () => {
    const wanted = [3, 200, 201, 599].map((index) => STEPS[index]);
    const fails = async (steps: readonly Step[]) =>
      wanted.every((step) => steps.some((other) => other === step));
    expect(await shrink(STEPS, { fails, ...LATE })).toEqual(wanted);
  });

  test("stops when its time is over", async () => {
    let asked = 0;
    const fails = async () => {
      asked++;
      return true;
    };
    expect(await shrink(STEPS, { fails, untilMs: performance.now() - 1 })).toBe(STEPS);
    expect(asked).toBe(0);
  });

  test("comes to an end with each step, whatever it is told", () => {
    for (const start of STEPS) {
      let step = start;
      for (let tries = 0; ; tries++) {
        expect(tries).toBeLessThan(200);
        const next = [...simpler(step)].at(-1);
        if (next === undefined) break;
        step = next;
      }
    }
  });
});
