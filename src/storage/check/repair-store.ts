import { messageOf } from "../../model/errors.js";
import { BehindNote } from "../behind-note.js";
import type { Finding } from "./finding.js";
import { mendStore, type StoreToMend, type ToMend } from "./mend-store.js";
import { putStagingAway, type StagingToSort } from "./put-staging-away.js";

export interface StoreToRepair extends StoreToMend, StagingToSort {
  /** Opens the store as a daemon does, and closes it: that takes up what a crash has left. */
  readonly start: () => Promise<void>;
}

export interface ToRepair extends ToMend {
  /** Whether what no row names may be all there is of a file. */
  readonly isLossy: boolean;
}

/**
 * Mends what was found, and has the store take up what a crash has left; returns what couldn't be done. In this order:
 *
 * 1. if something is lost, that is noted, durably: once the rows are mended, nothing else tells of it;
 * 2. contents and rows are mended, see {@link mendStore};
 * 3. what was being written and no row names is put away: any start would remove it;
 * 4. the note goes, now that nothing is left of what was lost that isn't put away;
 * 5. the store is opened, but not with rows that are still wrong: it would remove what these say that nothing needs.
 *
 * Errors: those of the note.
 */
export async function repairStore(
  store: StoreToRepair,
  { isLossy, ...found }: ToRepair,
): Promise<Finding[]> {
  const note = new BehindNote(store.dataDir);
  if (isLossy) {
    const why = "rows were lost or damaged";
    note.beginRepair({ sinceMs: Date.now(), why, lacks: "rows" });
  }
  const { failures, isDatabaseMended } = mendStore(store, found);
  if (!isDatabaseMended) return [...failures, notStarted("its database isn't mended")];
  if (isLossy) {
    try {
      await putStagingAway(store);
    } catch (error) {
      return [
        ...failures,
        notStarted(`what was being written can't be put away: ${messageOf(error)}`),
      ];
    }
  }
  const noted = note.read();
  // What couldn't be put away may have no row that keeps it.
  if (failures.length === 0) note.clear();
  try {
    await store.start();
  } catch (error) {
    // Nobody knows why: what is put away may not be all.
    if (noted !== undefined) note.write(noted);
    failures.push({
      ...startFinding(`the store can't be opened: ${messageOf(error)}`),
      effect: "no daemon can serve it: restore a backup",
    });
  }
  return failures;
}

function notStarted(why: string): Finding {
  return {
    ...startFinding(`the store wasn't opened: ${why}`),
    effect: "opening it may cost files that are still there: repair it again before anything does",
  };
}

function startFinding(what: string): Omit<Finding, "effect"> {
  const common = { rule: "store.start", severity: "damage", paths: [], morePaths: 0 } as const;
  return { ...common, what, repair: undefined };
}
