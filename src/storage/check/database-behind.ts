import { statSync } from "node:fs";
import type Database from "better-sqlite3";
import { batchInJournal } from "../metadata/sqlite/journal.js";
import type { Finding } from "./finding.js";

/**
 * Whether the journal speaks of a batch that the database never came to: then commits are missing from it, which
 * were in SQLite's log. For a store that nobody has open, before its journal is replayed, which overwrites it.
 */
export function databaseBehind(
  database: Database.Database,
  { databasePath, journalPath }: { readonly databasePath: string; readonly journalPath: string },
): Finding | undefined {
  const journal = batchInJournal(journalPath);
  if (journal === undefined) return undefined;
  const state = database
    .prepare<[], { batch: number; number: number }>("SELECT batch, number FROM store_state")
    .get();
  if (state === undefined || journal.batch < state.batch) return undefined;
  if (journal.batch === state.batch && journal.storeNumber === state.number) return undefined;
  const log = `${databasePath}-wal`;
  // Opening a database to read it makes an empty one.
  const reason =
    (statSync(log, { throwIfNoEntry: false })?.size ?? 0) > 0
      ? `${log} isn't the one that belongs to it, or a power failure took what was never synced`
      : `${log} is missing`;
  return {
    ...{ rule: "database.behind", severity: "damage", paths: [], morePaths: 0 },
    what: `the database lacks changes that were committed: ${reason}`,
    effect:
      "files and changes of the last time are gone; if the log was moved away, put it back before anything opens the store",
    repair:
      "goes on with the older state; contents that no file has then are put away to lost+found in the data directory",
  };
}
