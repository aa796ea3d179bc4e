import { fsError } from "../../libc/system-error.js";
import type { BackupDirectory } from "./backup-directory.js";
import { type Pruned, prune } from "./prune.js";
import { takeSweptNote, writeSweptNote } from "./swept-note.js";
import { Turns } from "./turns.js";

export interface PruneResult {
  readonly removed: Pruned;
  /** How many snapshots there are now. */
  readonly snapshots: number;
}

/**
 * Keeps the newest snapshots and makes none, which needs no room. What was removed by hand, and what runs that were
 * cut short have copied, goes, too. Errors: those of `prune`, and those of the host.
 */
export async function pruneSnapshots(
  directory: BackupDirectory,
  { keep, signal }: { keep: number; signal: AbortSignal },
): Promise<PruneResult> {
  try {
    const swept = takeSweptNote(directory.layout);
    const removed = await prune(directory, { keep, swept, turns: new Turns(signal) });
    writeSweptNote(directory.layout);
    const { readable, unreadable } = directory.snapshots();
    return { removed, snapshots: readable.length + unreadable.length };
  } catch (error) {
    throw fsError(error, { op: "remove backups from", path: directory.path });
  }
}
