/**
 * Moves commits from the write-ahead log into the database file. That is two fsyncs and a lot of
 * writing, so it doesn't happen on the serving thread.
 */
export interface Checkpointer {
  /**
   * Starts a checkpoint. Resolves when it has ended: true, and then only what was committed since it
   * began is left in the log, or what somebody reads; or false when it failed, which was logged.
   */
  run(): Promise<boolean>;
  close(): Promise<void>;
}
