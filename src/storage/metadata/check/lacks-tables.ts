import { statSync } from "node:fs";
import { isOnePage } from "../sqlite/settle-tables.js";
import { openForCheck } from "./open-for-check.js";

/**
 * Whether a database is missing or has no table, what can be read of its log counted. What can't be looked at has some,
 * and so has one of more than a page: who opens it says what is wrong with it.
 *
 * SQLite itself reads it: to close a file of one's own takes away the locks that SQLite has on it,
 * https://www.sqlite.org/howtocorrupt.html.
 */
export function lacksTables(path: string): boolean {
  try {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return true;
    if (!isOnePage(path)) return false;
    const log = statSync(`${path}-wal`, { throwIfNoEntry: false });
    // To read it would make an empty log.
    if (log === undefined || log.size === 0) return true;
    const database = openForCheck(path, { access: "read" });
    try {
      return database.prepare("SELECT count(*) FROM sqlite_schema").pluck().get() === 0;
    } finally {
      database.close();
    }
  } catch {
    return false;
  }
}
