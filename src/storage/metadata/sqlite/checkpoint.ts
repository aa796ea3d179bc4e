import Database from "better-sqlite3";

/**
 * A checkpoint on a connection of its own. It never waits for the writer nor holds it up. What a busy
 * writer commits meanwhile gets a second pass, so that little is left.
 */
export function checkpoint(path: string): void {
  const database = new Database(path, { fileMustExist: true });
  try {
    checkpointPass(database);
    checkpointPass(database);
  } finally {
    database.close();
  }
}

/** Moves what the log has now to the database, as far as no reader and no other checkpoint is in the way. */
export function checkpointPass(database: Database.Database): void {
  database.pragma("wal_checkpoint(PASSIVE)");
}
