import type Database from "better-sqlite3";
import type { Failpoints } from "../../../model/failpoint.js";
import type { Logger } from "../../../telemetry/logger.js";
import { checkpointPass } from "./checkpoint.js";
import type { Checkpointer } from "./checkpointer.js";
import type { SpaceReserve } from "./space-reserve.js";
import { isMaybeFull, sqliteError } from "./sqlite-error.js";

/** So much in the log is worth a checkpoint: 4 MiB. The space reserve has to cover it twice. */
const CHECKPOINT_PAGES = 1024;
/** The same while the disk is full and the log grows at the cost of the reserve: half a MiB. */
const FULL_DISK_PAGES = 128;

export interface LogKeeperOptions {
  /** The writer's connection. */
  readonly database: Database.Database;
  readonly checkpointer: Checkpointer;
  /** Given back when the database has no room to take up what the log has. */
  readonly reserve: SpaceReserve;
  readonly logger: Logger;
  readonly failpoints: Failpoints;
}

/**
 * Keeps SQLite's log short. It starts over only when nothing is left in it, and beside a busy writer
 * the checkpointer, on its thread, never gets it there. So it moves most, and what was committed
 * meanwhile is moved here, between two commits: two fsyncs of little. Without that the log would grow
 * for as long as the writer is busy.
 */
export class LogKeeper {
  readonly #database: Database.Database;
  readonly #checkpointer: Checkpointer;
  readonly #reserve: SpaceReserve;
  readonly #logger: Logger;
  readonly #failpoints: Failpoints;
  readonly #state: Database.Statement;
  /** How the last checkpoint on the thread ended, until that was seen to. */
  #checkpoint: "none" | "running" | "done" | "failed" = "none";
  /** What the last one had to leave, because some other program reads it. */
  #pagesLeft = 0;

  constructor({ database, checkpointer, reserve, logger, failpoints }: LogKeeperOptions) {
    this.#database = database;
    this.#checkpointer = checkpointer;
    this.#reserve = reserve;
    this.#logger = logger;
    this.#failpoints = failpoints;
    // Does nothing but answer; https://www.sqlite.org/pragma.html#pragma_wal_checkpoint.
    this.#state = database.prepare("PRAGMA wal_checkpoint(NOOP)").raw();
  }

  /** To be called after each commit, with no transaction open. What fails is logged: the commit hasn't. */
  afterCommit(): void {
    try {
      this.#tend();
    } catch (error) {
      this.#logger.error({ err: error }, "checkpoint failed");
    }
  }

  /**
   * Moves all that the log has to the database, here and now, so that it starts over with the next
   * commit. Returns whether there was something to move. Call it with no transaction open.
   */
  empty(): boolean {
    try {
      const before = this.#pages();
      checkpointPass(this.#database);
      return this.#pages() < before;
    } catch (error) {
      this.#logger.error({ err: error }, "checkpoint failed");
      return false;
    }
  }

  #tend(): void {
    if (this.#checkpoint === "running") return;
    const last = this.#checkpoint;
    this.#checkpoint = "none";
    const pages = this.#pages();
    this.#pagesLeft = Math.min(this.#pagesLeft, pages);
    if (this.#isForHere(last, pages)) {
      this.#move();
      this.#failpoints.reach("log-emptied");
      this.#pagesLeft = this.#pages();
    } else if (last === "done") {
      this.#pagesLeft = pages;
    } else if (pages >= this.#pagesLeft + CHECKPOINT_PAGES) {
      this.#start();
    }
  }

  /** Whether the log is to be moved on this thread. A long one, which some reader held up, isn't. */
  #isForHere(last: "none" | "done" | "failed", pages: number): boolean {
    if (last === "failed") return true;
    if (last === "done" && pages <= CHECKPOINT_PAGES) return true;
    return this.#reserve.isGivenBack && pages >= FULL_DISK_PAGES;
  }

  #start(): void {
    this.#checkpoint = "running";
    void this.#checkpointer.run().then((succeeded) => {
      this.#checkpoint = succeeded ? "done" : "failed";
    });
  }

  /** The database may have to grow for it; on a full disk, that is one of the things kept room for. */
  #move(): void {
    try {
      checkpointPass(this.#database);
    } catch (error) {
      const failure = sqliteError(error, "checkpoint");
      if (!isMaybeFull(failure) || !this.#reserve.release()) throw failure;
      checkpointPass(this.#database);
    }
  }

  /** How many pages of the log aren't in the database yet. */
  #pages(): number {
    const [, inLog, moved] = this.#state.get() as [busy: number, inLog: number, moved: number];
    return inLog - moved;
  }
}
