import Database from "better-sqlite3";

/** How often to go over what was committed meanwhile, until the log is all done and can start over. */
const PASSES = 4;

/**
 * A checkpoint on a connection of its own. It never waits for the writer nor holds it up; a busy
 * writer gets another pass, and what is left then is for the next checkpoint.
 */
export function checkpoint(path: string): void {
  const database = new Database(path, { fileMustExist: true });
  try {
    for (let pass = 0; pass < PASSES; pass++) {
      const [result] = database.pragma("wal_checkpoint(PASSIVE)") as [
        { busy: number; log: number; checkpointed: number },
      ];
      if (result.busy === 0 && result.log === result.checkpointed) return;
    }
  } finally {
    database.close();
  }
}
