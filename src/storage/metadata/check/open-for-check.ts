import Database from "better-sqlite3";
import { checkOrigin } from "../sqlite/open-database.js";
import { sqliteError } from "../sqlite/sqlite-error.js";

/** As for who writes: another program may hold the database. */
const BUSY_TIMEOUT_MS = 5000;
const CACHE_KB = 64 * 1024;

/**
 * Opens a database to be checked, also beside the daemon that has it. Errors: `corrupt` (not a database, or another
 * program's), `not-supported` (made by a newer version), `io-failure`.
 */
export function openForCheck(
  path: string,
  { access }: { readonly access: "read" | "write" },
): Database.Database {
  let database: Database.Database | undefined;
  try {
    database = new Database(path, {
      ...{ readonly: access === "read", fileMustExist: true, timeout: BUSY_TIMEOUT_MS },
    });
    database.pragma(`cache_size = ${-CACHE_KB}`);
    database.pragma("temp_store = MEMORY");
    checkOrigin(database, path);
    return database;
  } catch (error) {
    database?.close();
    throw sqliteError(error, `open ${path}`);
  }
}
