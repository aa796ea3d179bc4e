import { statSync } from "node:fs";
import { batchInJournal } from "../sqlite/journal.js";
import { SANE_BATCH, SANE_NUMBER } from "../state-numbers.js";
import { openForCheck } from "./open-for-check.js";

/**
 * Why commits are missing from a database, in words, if the journal speaks of a batch that it never came to: they were
 * in SQLite's log. That log may be gone, or belong to another database; a power failure looks the same, as neither the
 * journal nor what is in the log since the last sync is synced. For a store that nobody has open, before its journal is
 * replayed, which overwrites it. Undefined also for what can't be read: who opens it says what is wrong.
 */
export function whyBehind({
  databasePath,
  journalPath,
}: {
  readonly databasePath: string;
  readonly journalPath: string;
}): string | undefined {
  const state = stateOf(databasePath);
  const journal = batchInJournal(journalPath);
  if (journal === undefined || state === undefined || journal.batch < state.batch) return undefined;
  if (journal.batch === state.batch && journal.storeNumber === state.number) return undefined;
  const log = `${databasePath}-wal`;
  // Opening a database to read it makes an empty one.
  return (statSync(log, { throwIfNoEntry: false })?.size ?? 0) > 0
    ? `${log} isn't the one that belongs to it, or a power failure took what was never synced`
    : `${log} is missing`;
}

function stateOf(path: string): { batch: number; number: number } | undefined {
  try {
    const database = openForCheck(path, { access: "read" });
    try {
      return database
        .prepare<[], { batch: number; number: number }>(
          `SELECT ${SANE_BATCH} AS batch, ${SANE_NUMBER} AS number FROM store_state`,
        )
        .get();
    } finally {
      database.close();
    }
  } catch {
    return undefined;
  }
}
