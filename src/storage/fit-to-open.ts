import { statSync } from "node:fs";
import { NexusError } from "../model/errors.js";
import { requireNoBackup } from "./backup/no-backup.js";
import { hasUnfinishedRestore, requireNoUnfinishedRestore } from "./backup/unfinished-restore.js";
import { casEntries } from "./content/local/cas-entries.js";
import { layoutOf } from "./content/local/layout.js";

/**
 * A database of one page (SQLite's are that long unless one says so) has no table: of a young one that was copied, or
 * is left, without its log. It is never read for this: to close a file takes away the locks that SQLite has on it,
 * https://www.sqlite.org/howtocorrupt.html.
 */
const NO_TABLES_BYTES = 4096;

/** Where a store is, as its configuration has it. */
export interface StorePlace {
  readonly dataDir: string;
  readonly dbPath: string;
}

/**
 * What opening would only make worse is not opened, by whomever. Asked before anything is written there. Errors:
 * `not-supported` (a backup), `corrupt` (contents whose database is missing, a restore that was cut short).
 */
export function requireFitToOpen(place: StorePlace): void {
  const { dataDir, dbPath } = place;
  requireNoBackup({ dataDir, databasePath: dbPath });
  requireNoUnfinishedRestore({ dataDir, databasePath: dbPath });
  if (!lacksDatabase(place)) return;
  const { casDirectory } = layoutOf(dataDir);
  throw new NexusError(
    "corrupt",
    `${dbPath} is missing or empty, and ${casDirectory} has contents: names and metadata of all files were in it; put it back or restore it from a backup (if it is elsewhere, db_path says where)`,
    { path: dataDir },
  );
}

/** Whether the database is what a restore that was cut short has left out. */
export function lacksRestore({ dataDir, dbPath }: StorePlace): boolean {
  return hasUnfinishedRestore({ dataDir, databasePath: dbPath });
}

/**
 * Whether there are contents and no database: with a new one, they would be the leftovers of no file. A first start
 * that was killed leaves none.
 */
export function lacksDatabase({ dataDir, dbPath }: StorePlace): boolean {
  // What was committed may all be in SQLite's log.
  if (sizeOf(dbPath) > NO_TABLES_BYTES) return false;
  if (isThere(dbPath) && sizeOf(`${dbPath}-wal`) > 0) return false;
  for (const { is } of casEntries(layoutOf(dataDir))) if (is === "content") return true;
  return false;
}

/** 0 of what isn't there; what can't be looked at is as long as can be. */
function sizeOf(path: string): number {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
