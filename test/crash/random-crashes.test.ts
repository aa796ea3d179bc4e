import { describe, expect, test } from "vitest";
import { Random } from "../differ/random.js";
import { whyNoMounts } from "../support/daemon.js";
import { SURVIVALS } from "../support/power/survival.js";
import { CrashRig, type Round } from "./crash-rig.js";

// For a long run: CRASH_ROUNDS=300 CRASH_SEED=$RANDOM npx vitest run --project mount test/crash/random-crashes.test.ts
const USUAL_ROUNDS = 6;
const ROUNDS = Number(process.env.CRASH_ROUNDS ?? USUAL_ROUNDS);
const SEED = Number(process.env.CRASH_SEED ?? 1);
const LONGEST_MS = 1500;
/** Between two lives that end in order. */
const IN_ORDER_EVERY = 8;
const ROUND_MS = 15_000;

function rounds(loses: "power" | "nothing"): Round[] {
  const random = new Random(SEED);
  return Array.from({ length: ROUNDS }, (_, index) => ({
    seed: SEED * 10_000 + index,
    end: { afterMs: 1 + random.below(LONGEST_MS) },
    ...(loses === "power" ? { loss: random.pick(SURVIVALS) } : {}),
  }));
}

describe.skipIf(whyNoMounts() !== undefined)(`at moments chosen by seed ${SEED}`, () => {
  test.each([
    ["a daemon that is killed loses nothing", "plain disk", "nothing"],
    ["a disk that loses power loses nothing that was synced", "power disk", "power"],
  ] as const)(
    "%s",
    async (_sentence, on, loses) => {
      const rig = await CrashRig.start({ on });
      try {
        for (const [index, round] of rounds(loses).entries()) {
          await rig.run(round);
          if ((index + 1) % IN_ORDER_EVERY === 0) await rig.runInOrder(round.seed);
        }
        await rig.runInOrder(SEED);
      } finally {
        await rig.end();
        if (ROUNDS > USUAL_ROUNDS) console.log(on, rig.figures);
      }
      expect(rig.figures.problems).toStrictEqual([]);
    },
    ROUND_MS * ROUNDS,
  );
});
