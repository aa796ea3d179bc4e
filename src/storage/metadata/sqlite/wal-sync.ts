import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { fsError } from "../../../libc/system-error.js";
import { NexusError } from "../../../model/errors.js";
import type { Logger } from "../../../telemetry/logger.js";
import { GroupSync } from "../../group-sync.js";

/**
 * Makes commits survive a power failure: fdatasync(2) on the write-ahead log. The log has every
 * commit since the last checkpoint, and a checkpoint syncs what it moves to the database, so this is
 * all there is to sync, but for the names of the log and of the database: SQLite may have made both anew since the
 * last start, and syncs their directory only with a sync of its own. Runs on libuv's thread pool.
 *
 * Opening and closing the log beside SQLite is safe: SQLite's POSIX locks are on the database and
 * the shared-memory file, and closing another descriptor of *those* would drop them.
 */
export class WalSync {
  readonly #path: string;
  readonly #group = new GroupSync(() => this.#syncOnce());
  readonly #logger: Logger;
  #handle: FileHandle | undefined;
  /** Whether the directory was synced since the log was opened. */
  #isNameDurable = false;
  /**
   * The kernel reports an error of writing once, and marks the pages as clean: the next sync would
   * succeed over the hole. So the first one is for good, until the next start; fsync(2), "Bugs".
   */
  #failure: NexusError | undefined;

  constructor(databasePath: string, { logger }: { logger: Logger }) {
    this.#path = `${databasePath}-wal`;
    this.#logger = logger;
  }

  /** Resolves when all that was committed before the call is durable. Errors: `io-failure`. */
  sync(): Promise<void> {
    return this.#group.sync();
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }

  async #syncOnce(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#handle ??= await this.#open(this.#path, "r+");
    // No log: nothing was committed since it was checkpointed and removed.
    if (this.#handle === undefined) return;
    const directory = this.#isNameDurable ? undefined : await this.#open(dirname(this.#path), "r");
    try {
      await this.#handle.datasync();
      await directory?.sync();
      // The log stays the same file for as long as the database is open.
      this.#isNameDurable = true;
    } catch (error) {
      const failure = fsError(error, { op: "sync metadata", path: this.#path });
      // To those who come later it isn't what it was to the first: the disk may have room again.
      this.#failure = new NexusError(
        "io-failure",
        `a sync of ${this.#path} failed before (${failure.message}): no sync is vouched for until the store is opened again`,
        { op: "sync metadata", path: this.#path, cause: error },
      );
      this.#logger.error({ err: failure }, this.#failure.message);
      throw failure;
    } finally {
      await directory?.close();
    }
  }

  /** Undefined when there is none. */
  async #open(path: string, mode: "r" | "r+"): Promise<FileHandle | undefined> {
    try {
      return await open(path, mode);
    } catch (error) {
      const failure = fsError(error, { op: "sync metadata", path });
      if (failure.kind === "not-found") return undefined;
      // Too many open files, say: nothing was synced, and nothing was lost.
      throw failure;
    }
  }
}
