import { type FileHandle, open } from "node:fs/promises";
import { fsError } from "../../../libc/system-error.js";

/**
 * Makes commits survive a power failure: fdatasync(2) on the write-ahead log. The log has every
 * commit since the last checkpoint, and a checkpoint syncs what it moves to the database, so this is
 * all there is to sync. Runs on libuv's thread pool. Callers that come while one sync runs share the
 * next one.
 *
 * Opening and closing the log beside SQLite is safe: SQLite's POSIX locks are on the database and
 * the shared-memory file, and closing another descriptor of *those* would drop them.
 */
export class WalSync {
  readonly #path: string;
  #handle: FileHandle | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(databasePath: string) {
    this.#path = `${databasePath}-wal`;
  }

  /** Resolves when all that was committed before the call is durable. Errors: `io-failure`. */
  sync(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#syncOnce().finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    }
    // The running one may have started too early for this caller's commit.
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.sync();
      });
    return this.#next;
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }

  async #syncOnce(): Promise<void> {
    try {
      this.#handle ??= await open(this.#path, "r+");
      await this.#handle.datasync();
    } catch (error) {
      const failure = fsError(error, { op: "sync metadata", path: this.#path });
      // No log: nothing was committed since it was checkpointed and removed.
      if (failure.kind !== "not-found") throw failure;
    }
  }
}
