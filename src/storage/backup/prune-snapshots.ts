import { fsError } from "../../libc/system-error.js";
import type { BackupDirectory } from "./backup-directory.js";
import { type PruneOptions, type PruneOutcome, prune } from "./prune.js";
import { takeSweptNote, writeSweptNote } from "./swept-note.js";

export type { Lacking } from "./sweep.js";

export interface PruneResult extends PruneOutcome {
  /** How many snapshots there are now. */
  readonly snapshots: number;
}

/**
 * Keeps the newest snapshots and makes none, which needs no room. What was removed by hand, and what runs that were
 * cut short have copied, goes, too. Errors: those of `prune`, and those of the host.
 */
export async function pruneSnapshots(
  directory: BackupDirectory,
  options: Pick<PruneOptions, "keep" | "signal">,
): Promise<PruneResult> {
  return await pruneNoted(directory, { ...options, swept: takeSweptNote(directory.layout) });
}

/** The same for who has the note of the last sweep, which this writes anew. Errors: as above. */
export async function pruneNoted(
  directory: BackupDirectory,
  options: PruneOptions,
): Promise<PruneResult> {
  try {
    const outcome = await prune(directory, options);
    writeSweptNote(directory.layout);
    return { ...outcome, snapshots: directory.countSnapshots() };
  } catch (error) {
    throw fsError(error, { op: "remove backups from", path: directory.path });
  }
}
