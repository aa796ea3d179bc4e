import { statSync } from "node:fs";
import { dirname } from "node:path";
import type Database from "better-sqlite3";
import { syncPath } from "../../../libc/durability.js";
import { fsError } from "../../../libc/system-error.js";
import { checkpointPass } from "./checkpoint.js";

/** SQLite's pages are that long unless one says so. */
const PAGE_BYTES = 4096;

/**
 * Brings the tables of a new store from SQLite's log to the database, durably, with its name: call it before anything
 * else is written. So no power failure leaves contents or a journal beside a database without tables, and whoever finds
 * that knows that a database is lost. Errors: those of SQLite and of fsync(2), as `fsError` has them.
 */
export function settleTables(database: Database.Database, path: string): void {
  if (!isOnePage(path)) return;
  // SQLite syncs its log before it moves anything, and the database after that.
  checkpointPass(database);
  try {
    syncPath(dirname(path));
  } catch (error) {
    throw fsError(error, { op: "sync the directory of", path });
  }
}

/** A database of one page has no table, but for what is in its log. Errors: those of stat(2), as Node throws them. */
export function isOnePage(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) <= PAGE_BYTES;
}
