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
 * 1. contents and rows are mended, see {@link mendStore};
 * 2. what was being written and no row names is put away: any start would remove it;
 * 3. a note that the database lacks changes goes, now that nothing is left of them that isn't put away;
 * 4. the store is opened, but not with rows that are still wrong: it would remove what these say that nothing needs.
 */
export async function repairStore(
  store: StoreToRepair,
  { isLossy, ...found }: ToRepair,
): Promise<Finding[]> {
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
  if (failures.length === 0) new BehindNote(store.dataDir).clear();
  try {
    await store.start();
  } catch (error) {
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
