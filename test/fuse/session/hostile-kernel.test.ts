import { describe, expect, test, vi } from "vitest";
import { Random } from "../../differ/random.js";
import { fewer } from "../../support/fewer.js";
import { hostileSteps } from "../hostile/generate.js";
import { LongRun } from "../hostile/long-run.js";
import { runHostile } from "../hostile/run.js";
import type { HostileStep } from "../hostile/step.js";

vi.mock("../../../src/libc/device.js", () => import("../fake-device.js"));

// A kernel that sends anything, in any order, to a session on a real file system. How to run more of it:
// native-notes/hostile-input.md.

/** Requests in all. */
const REQUESTS = Number(process.env.HOSTILE_REQUESTS ?? 12_000);
/** As many of them go to one store; the next begin with an empty one. */
const LENGTH = Number(process.env.HOSTILE_LENGTH ?? 3000);
const SEEDS = seedsOf(process.env.HOSTILE_SEEDS);
const SHRINK_MS = Number(process.env.HOSTILE_SHRINK_MS ?? 30_000);
const PROGRESS = process.env.HOSTILE_PROGRESS;
/** Requests, in a long run. */
const SAVED_EVERY = 120_000;
/** Many times what it takes. */
const TIMEOUT_MS = 30_000 + 5 * REQUESTS + SHRINK_MS;

function seedsOf(given: string | undefined): readonly number[] {
  if (given === undefined) return [1, 2];
  return given
    .split(",")
    .map((seed) => (seed === "new" ? Math.floor(Math.random() * 2 ** 31) : Number(seed)));
}

async function shortest(steps: readonly HostileStep[]): Promise<string> {
  const untilMs = performance.now() + SHRINK_MS;
  const fails = async (some: readonly HostileStep[]) => (await runHostile(some)) !== undefined;
  const short = await fewer(steps, { fails, untilMs });
  return `${await runHostile(short)}\nafter\n${short.map((step) => JSON.stringify(step)).join("\n")}`;
}

describe.each(SEEDS)("with the seed %i", (seed) => {
  test(
    "a kernel out of its mind gets one good answer to each request, and leaves nothing behind",
    async () => {
      const random = new Random(seed);
      const endless = hostileSteps(random);
      const take = (length: number) => Array.from({ length }, () => endless.next().value);
      const isLong = process.env.HOSTILE_REQUESTS !== undefined;
      const run = new LongRun(PROGRESS === undefined ? undefined : `${PROGRESS}-${seed}.json`);
      let done = 0;
      for (; done < run.requestsBefore; done += LENGTH) take(LENGTH);
      let savedAt = done;
      while (done < REQUESTS) {
        const steps = take(Math.min(LENGTH, REQUESTS - done));
        const failure = await runHostile(steps, run.tally);
        if (failure !== undefined) expect.unreachable(`${failure}\n${await shortest(steps)}`);
        done += steps.length;
        if (!isLong || (done < REQUESTS && done - savedAt < SAVED_EVERY)) continue;
        await run.save(done);
        savedAt = done;
      }
    },
    TIMEOUT_MS,
  );
});
