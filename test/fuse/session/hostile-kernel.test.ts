import { describe, expect, test, vi } from "vitest";
import { Random } from "../../differ/random.js";
import { fewer } from "../../support/fewer.js";
import { hostileSteps } from "../hostile/generate.js";
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
const REPORT_EVERY = 20 * LENGTH;
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

/** How a long run is getting on. */
function report(done: number, startMs: number): void {
  if (process.env.HOSTILE_REQUESTS === undefined || done % REPORT_EVERY !== 0) return;
  const seconds = (performance.now() - startMs) / 1000;
  console.log(`${done} requests, ${Math.round(done / seconds)} a second`);
}

describe.each(SEEDS)("with the seed %i", (seed) => {
  test(
    "a kernel out of its mind gets one good answer to each request, and leaves nothing behind",
    async () => {
      const random = new Random(seed);
      const endless = hostileSteps(random);
      const startMs = performance.now();
      for (let done = 0; done < REQUESTS; done += LENGTH) {
        const steps = Array.from(
          { length: Math.min(LENGTH, REQUESTS - done) },
          () => endless.next().value,
        );
        const failure = await runHostile(steps);
        if (failure !== undefined) expect.unreachable(`${failure}\n${await shortest(steps)}`);
        report(done + steps.length, startMs);
      }
    },
    TIMEOUT_MS,
  );
});
