import Database from "better-sqlite3";
import { type Failpoints, NO_FAILPOINTS } from "../../../model/failpoint.js";

/**
 * A checkpoint on a connection of its own. It never waits for the writer nor holds it up. What a busy
 * writer commits meanwhile gets a second pass, so that little is left.
 */
export function checkpoint(
  path: string,
  { failpoints = NO_FAILPOINTS }: { readonly failpoints?: Failpoints } = {},
): void {
  failpoints.reach("checkpoint-begun");
  const database = new Database(path, { fileMustExist: true });
  try {
    checkpointPass(database);
    failpoints.reach("checkpoint-passed");
    checkpointPass(database);
  } finally {
    database.close();
  }
}

/** Moves what the log has now to the database, as far as no reader and no other checkpoint is in the way. */
export function checkpointPass(database: Database.Database): void {
  database.pragma("wal_checkpoint(PASSIVE)");
}
