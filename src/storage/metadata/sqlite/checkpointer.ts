/**
 * Moves commits from the write-ahead log into the database file. That is two fsyncs and a lot of
 * writing, so it doesn't happen on the serving thread.
 */
export interface Checkpointer {
  /**
   * Starts a checkpoint; resolves when it has ended, successful or not. What was committed since it
   * began may still be in the log.
   */
  run(): Promise<void>;
  close(): Promise<void>;
}
