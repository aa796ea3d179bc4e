import { setTimeout } from "node:timers/promises";
import { compareTimestamps } from "../../src/model/timestamp.js";
import type { PosixDriver } from "../conformance/posix-driver.js";
import { type Accepted, isFreeToMove, mayFailSo, mayMoveSo, refusedByMount } from "./accepted.js";
import {
  type Clock,
  compareLooks,
  compareOutcomes,
  compareTrees,
  type Freedom,
  type Mismatch,
  type Pair,
} from "./compare.js";
import { LinkedFiles } from "./linked.js";
import { look } from "./look.js";
import { LostDescriptors } from "./lost.js";
import type { Profile } from "./profile.js";
import type { Outcome, Side } from "./side.js";
import type { Step } from "./step.js";
import { type Tree, treeOf } from "./tree.js";

/** Steps between two comparisons of everything. */
const TREE_EVERY = 250;
/** Whatever is done now is within so many seconds. */
const PROBES = 20;
const NOW_SEC = 24 * 60 * 60;

/** Where the two sides parted. */
export interface Difference extends Mismatch {
  /** After which step it showed; the number of steps, if only at the end. */
  readonly index: number;
  /** The steps up to then that failed on both sides. */
  readonly failed: ReadonlySet<Step>;
}

export interface RunOptions extends Pair<Side> {
  readonly steps: readonly Step[];
  readonly clock: Clock;
  readonly profile: Profile;
}

/**
 * Applies steps to both sides, and compares after each. Returns the first difference. Descriptors stay
 * open: close the sides.
 */
export async function run({
  steps,
  native,
  mount,
  clock,
  profile,
}: RunOptions): Promise<Difference | undefined> {
  const sides = { native, mount };
  const excused = new Set<string>();
  const failed = new Set<Step>();
  const linked = profile.goesByName ? new LinkedFiles(sides) : undefined;
  let trees: Pair<Tree>[] | undefined;
  const compareAll = async () => {
    const after: Pair<Tree>[] = [];
    for (const via of native.drivers.keys()) {
      after.push(await both(sides, (side) => treeOf(side, via)));
    }
    const before = trees;
    trees = after;
    const mismatch = firstOf(after, (tree, index) =>
      compareTrees({ before: before?.[index], after: tree, excused }, clock),
    );
    excused.clear();
    return mismatch;
  };
  for (const [index, step] of steps.entries()) {
    const mismatch = await take(step, { sides, clock, profile, excused, failed, linked });
    if (mismatch !== undefined) return { index, failed, ...mismatch };
    if (index % TREE_EVERY !== TREE_EVERY - 1) continue;
    const difference = await compareAll();
    if (difference !== undefined) return { index, failed, ...difference };
  }
  const difference = await compareAll();
  return difference === undefined ? undefined : { index: steps.length, failed, ...difference };
}

/** What a run knows on its way. */
interface Progress {
  readonly sides: Pair<Side>;
  readonly clock: Clock;
  readonly profile: Profile;
  /** See {@link Freedom}. */
  readonly excused: Set<string>;
  readonly failed: Set<Step>;
  readonly linked: LinkedFiles | undefined;
}

async function take(
  step: Step,
  { sides, clock, profile, excused, failed, linked }: Progress,
): Promise<Mismatch | undefined> {
  const named = (mismatch: Mismatch | undefined) =>
    mismatch === undefined ? undefined : { ...mismatch, what: `${step.call}: ${mismatch.what}` };
  const { accepted } = profile;
  const refused = refusedByMount(accepted, step);
  if (refused !== undefined) {
    const outcome = await sides.mount.take(step);
    if ("error" in outcome && refused.errnos.includes(outcome.error)) return undefined;
    if ("value" in outcome && refused.mayDoNothing === true) return undefined;
    const mount = JSON.stringify(outcome);
    return named({ what: "not refused", native: refused.errnos.join(" or "), mount });
  }
  if ((await linked?.isAsked(step)) === false) return undefined;
  const before =
    step.unseen === true && !isFreeToMove(accepted, step)
      ? undefined
      : await both(sides, (side) => look(side, step));
  const lost = profile.goesByName ? await LostDescriptors.of(step, sides) : undefined;
  const pauseMs = profile.pauseMs(step);
  if (pauseMs > 0) await setTimeout(pauseMs);
  await linked?.refresh(step);
  const outcomes = await both(sides, (side) => side.take(step));
  if ("error" in outcomes.native) failed.add(step);
  else {
    await lost?.close();
    await linked?.note(step);
  }
  const mismatch = isAccepted(step, { accepted, ...outcomes })
    ? undefined
    : compareOutcomes(outcomes, clock);
  if (mismatch !== undefined || before === undefined) return named(mismatch);
  const after = await both(sides, (side) => look(side, step));
  const freedom: Freedom = {
    mayMove: (side) => mayMoveSo(accepted, { moved: side, step, outcome: outcomes.native }),
    excused,
  };
  return named(compareLooks({ before, after, freedom }, clock));
}

function isAccepted(
  step: Step,
  { native, mount, accepted }: Pair<Outcome> & { readonly accepted: Accepted },
): boolean {
  if (!("error" in native) || "bytes" in mount || "stat" in mount) return false;
  const other = "error" in mount ? mount.error : mount.value;
  return mayFailSo(accepted, { step, native: native.error, mount: other });
}

async function both<T>(
  { native, mount }: Pair<Side>,
  ask: (side: Side) => Promise<T>,
): Promise<Pair<T>> {
  return { native: await ask(native), mount: await ask(mount) };
}

function firstOf<T, R>(
  all: readonly T[],
  find: (one: T, index: number) => R | undefined,
): R | undefined {
  for (const [index, one] of all.entries()) {
    const found = find(one, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What the times of both sides can tell, for a run that begins now. Needs an empty directory. */
export async function clockOf(
  { native, mount }: Pair<PosixDriver>,
  { shown, pauseMs }: Pick<Profile, "shown" | "pauseMs">,
): Promise<Clock> {
  const now = Math.floor(Date.now() / 1000);
  const pause = pauseMs({ call: "mkdir", path: "probe", mode: 0o777 });
  const isFine = {
    native: await hasFineTimes(native, 0),
    mount: await hasFineTimes(mount, pause),
  };
  return { from: now - NOW_SEC, to: now + NOW_SEC, isFine, shown };
}

/** Whether changes that follow each other at once get times of their own, once they have been looked at. */
async function hasFineTimes(driver: PosixDriver, pauseMs: number): Promise<boolean> {
  let before = (await driver.stat(".")).ctime;
  for (let round = 0; round < PROBES; round++) {
    if (pauseMs > 0) await setTimeout(pauseMs);
    if (round % 2 === 0) await driver.mkdir("probe");
    else await driver.rmdir("probe");
    const { ctime } = await driver.stat(".");
    if (compareTimestamps(ctime, before) === 0) return false;
    before = ctime;
  }
  return true;
}
