import { describe, expect, test } from "vitest";
import { FAILPOINTS, type Failpoint } from "../../src/model/failpoint.js";
import { Random } from "../differ/random.js";
import { whyNoMounts } from "../support/daemon.js";
import { SURVIVALS } from "../support/power/survival.js";
import { CrashRig, type Round } from "./crash-rig.js";
import { BY_THE_LIBRARY } from "./library-failpoints.js";
import type { Focus } from "./workload.js";

// Each failpoint once; for a long run, so many times: CRASH_ROUNDS=10 CRASH_SEED=7 npx vitest run --project mount
// test/crash/failpoints.test.ts
const TIMES = Number(process.env.CRASH_ROUNDS ?? 1);
const SEED = Number(process.env.CRASH_SEED ?? 1);
const ROUND_MS = 15_000;
const IN_ORDER_EVERY = 10;

/** Of what happens all the time, a later time meets more that is going on; the others are met the first time. */
const COUNTS: Partial<Record<Failpoint, number>> = {
  "migration-step-done": 2,
  "log-record-written": 25,
  "staging-file-made": 4,
  "bytes-staged": 12,
  "small-content-copied": 2,
  "handle-released": 20,
  "blob-linked": 3,
  "journal-written": 60,
  "transaction-committed": 10,
};

const FOCUS: Partial<Record<Failpoint, Focus>> = {
  "log-segment-started": "the staging log",
  "log-segment-removed": "the staging log",
  "checkpoint-begun": "metadata",
  "checkpoint-passed": "metadata",
  "log-emptied": "metadata",
};

/** The first is met by a store that is only being made, the last by one whose journal has something to replay. */
const FIRST = "migration-step-done";
const LAST = ["journal-written", "journal-replayed"] as const;
const HERE: readonly Failpoint[] = [
  FIRST,
  ...(Object.keys(FAILPOINTS) as Failpoint[]).filter(
    (name) => ![FIRST, ...LAST, ...BY_THE_LIBRARY].includes(name),
  ),
  ...LAST,
];

/** As killed, and with each thing that a power failure may leave, in turn. */
const LOSSES = [undefined, ...SURVIVALS];

function rounds(): Round[] {
  const random = new Random(SEED);
  return Array.from({ length: TIMES }, (_, time) =>
    HERE.map((failpoint, index): Round => {
      const most = COUNTS[failpoint] ?? 1;
      const count = time === 0 ? most : 1 + random.below(2 * most);
      // The journal is never synced: a power failure might leave nothing to replay.
      const isKept = failpoint === "journal-written";
      const loss = isKept ? undefined : LOSSES[(index + time) % LOSSES.length];
      const focus = FOCUS[failpoint];
      return {
        seed: SEED * 100_000 + time * 1000 + index,
        end: { failpoint, count },
        ...(loss === undefined ? {} : { loss }),
        ...(focus === undefined ? {} : { focus }),
      };
    }),
  ).flat();
}

describe.skipIf(whyNoMounts() !== undefined)("a daemon that dies at each failpoint", () => {
  test(
    "loses nothing, and with the power nothing that was synced",
    async () => {
      const rig = await CrashRig.start({ on: "power disk" });
      try {
        for (const [index, round] of rounds().entries()) {
          await rig.run(round);
          if ((index + 1) % IN_ORDER_EVERY === 0) await rig.runInOrder(round.seed);
        }
        await rig.runInOrder(SEED);
      } finally {
        await rig.end();
        if (TIMES > 1) console.log(rig.figures);
      }
      expect(rig.figures.problems).toStrictEqual([]);
      expect(HERE.filter((name) => !rig.figures.reached.has(name))).toStrictEqual([]);
    },
    60_000 + ROUND_MS * HERE.length * TIMES,
  );
});
