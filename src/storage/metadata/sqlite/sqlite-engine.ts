import type Database from "better-sqlite3";
import type { Clock, Scheduler } from "../../../model/clock.js";
import { messageOf, NexusError } from "../../../model/errors.js";
import { type Failpoints, NO_FAILPOINTS } from "../../../model/failpoint.js";
import type { Logger } from "../../../telemetry/logger.js";
import type { Answer, Row, Script, SqlValue, Statement, Step } from "../statement.js";
import type { DatabasePlace } from "./database-place.js";
import type { Journal, JournalEntry } from "./journal.js";
import type { Recording } from "./recording.js";
import { isMaybeFull, sqliteError } from "./sqlite-error.js";

/**
 * A transaction that has been quiet for this long is committed, so that others see it: sooner than a
 * shell has started `sqlite3` (3 ms and more).
 */
const QUIET_MS = 2;
/** One that is busy is committed after this, so that others don't see the past. */
const MAX_AGE_MS = 50;
/** ... or when this much is at stake: bounds the time a commit takes (about 2 ms). */
const MAX_OPERATIONS = 1000;
const MAX_JOURNAL_BYTES = 1024 * 1024;
/** After a commit that failed (a full disk): try again then. */
const RETRY_MS = 1000;

const BUMP_BATCH = "UPDATE store_state SET batch = batch + 1 WHERE id = 1";
const READ_BATCH = "SELECT batch FROM store_state WHERE id = 1";

export interface SqliteEngineOptions {
  readonly database: Database.Database;
  /** Looked at before each transaction that writes. */
  readonly place: DatabasePlace;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  /** Whether changes are recorded. */
  readonly recording: Recording;
  /** Told after each commit that wrote something; no transaction is open then. */
  readonly onCommit: () => void;
  /**
   * Asked for room when a commit finds none; no transaction is open then. Returns whether there is
   * more now.
   */
  readonly makeRoom: () => boolean;
  readonly failpoints?: Failpoints;
}

/**
 * Runs operations on SQLite. Each is atomic: it happens completely or not at all. Many of them
 * share one SQLite transaction, because a commit costs ten times what an operation does; the
 * journal keeps what isn't committed yet safe from the death of the process.
 *
 * Undoing one operation of a shared transaction means to roll all of it back and replay the others
 * from the journal. That is slow and rare: operations check before they write, so it takes a full
 * disk or a defect to get there.
 */
export class SqliteEngine {
  readonly #database: Database.Database;
  readonly #place: DatabasePlace;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #logger: Logger;
  readonly #recording: Recording;
  readonly #onCommit: () => void;
  readonly #makeRoom: () => boolean;
  readonly #failpoints: Failpoints;
  readonly #prepared = new Map<Statement, Database.Statement<SqlValue[]>>();
  readonly #control: Record<"begin" | "beginWrite" | "commit" | "bump", Database.Statement>;

  #open: "none" | "read" | "write" = "none";
  #openedAtMs = 0;
  /** Operations run in the open transaction, of any kind: tells whether it is quiet. */
  #operations = 0;
  #writes = 0;
  #cancelTick: (() => void) | undefined;
  /** Why the last commit failed: until one succeeds, only so much more is taken on. */
  #stuck: NexusError | undefined;
  /** Another program holds the database, and the log has that already. */
  #isLockedOut = false;
  /** The transaction was rolled back, and what the journal has of it isn't in the database yet. */
  #isBehind = false;
  /** Set when the database can't be brought to a known state; everything fails with it from then. */
  #broken: NexusError | undefined;

  constructor(options: SqliteEngineOptions) {
    this.#database = options.database;
    this.#place = options.place;
    this.#journal = options.journal;
    this.#clock = options.clock;
    this.#scheduler = options.scheduler;
    this.#logger = options.logger;
    this.#recording = options.recording;
    this.#onCommit = options.onCommit;
    this.#makeRoom = options.makeRoom;
    this.#failpoints = options.failpoints ?? NO_FAILPOINTS;
    const prepare = (sql: string) => options.database.prepare(sql);
    this.#control = {
      begin: prepare("BEGIN"),
      beginWrite: prepare("BEGIN IMMEDIATE"),
      commit: prepare("COMMIT"),
      bump: prepare(BUMP_BATCH),
    };
  }

  /**
   * Brings in what the last process acknowledged and didn't commit. Call it once, before anything
   * else. Returns how many operations that were.
   */
  recover(): number {
    const operations = this.#journal.replay(this.#committedBatch());
    if (operations.length > 0) {
      this.#beginWrite();
      this.#redo(operations);
      this.#writes = operations.length;
      this.commit();
      this.#failpoints.reach("journal-replayed");
    }
    return operations.length;
  }

  /** Runs an operation that only reads. */
  read<T>(script: Script<T>): T {
    this.#require("read");
    try {
      let step = script.next();
      while (!step.done) step = script.next(this.#execute(step.value));
      return step.value;
    } catch (error) {
      if (this.#wasRolledBack) this.#undo();
      throw sqliteError(error, "read metadata");
    }
  }

  /** Runs an operation that may write. When it throws, nothing of it has happened. */
  write<T>(script: Script<T>): T {
    // Nothing that isn't begun has to be undone; and the journal must not grow without end.
    if (this.#stuck !== undefined && this.#isMuchAtStake) throw this.#stuck;
    this.#require("write");
    const entries: JournalEntry[] = [];
    // Such a one that fails may have done a part of what it does.
    let isWriting = false;
    let hasRecorded = false;
    try {
      let step = script.next();
      while (!step.done) {
        if (step.value.wants === "recordingTime") {
          const time = this.#recording.time();
          hasRecorded ||= time !== undefined;
          step = script.next(time);
          continue;
        }
        const { statement, params } = step.value;
        isWriting = statement.writes;
        const answer = this.#execute(step.value);
        isWriting = false;
        // What changed nothing needs no redo.
        const changed = answer !== 0 && answer !== undefined;
        if (statement.writes && changed) entries.push([statement.sql, ...params]);
        step = script.next(answer);
      }
      if (entries.length > 0) this.#record(entries);
      if (hasRecorded) this.#recording.tell();
      return step.value;
    } catch (error) {
      if (isWriting || entries.length > 0 || this.#wasRolledBack) this.#undo();
      throw sqliteError(error, "write metadata");
    }
  }

  /**
   * Ends the open transaction. If it can't be committed (`no-space`, `io-failure`, `busy`), nothing
   * is lost: it is open again as it was, and tried again later.
   */
  commit(): void {
    this.close();
    if (this.#broken !== undefined) throw this.#broken;
    if (this.#isBehind) this.#catchUp();
    if (this.#open === "none") return;
    const wrote = this.#writes > 0;
    try {
      if (wrote) this.#control.bump.run();
      this.#control.commit.run();
    } catch (error) {
      const failure = sqliteError(error, "commit metadata");
      const hasMore = isMaybeFull(failure) && this.#tryToRollBack() && this.#makeRoom();
      this.#undo();
      if (hasMore) {
        this.#logger.warn({ err: failure }, "the disk is full: using what was kept for this");
        this.commit();
        return;
      }
      this.#stuck = failure;
      this.#tickAfter(RETRY_MS);
      throw failure;
    }
    this.#open = "none";
    this.#stuck = undefined;
    if (!wrote) return;
    this.#writes = 0;
    this.#failpoints.reach("transaction-committed");
    this.#journal.start(this.#committedBatch());
    this.#onCommit();
  }

  /**
   * Commits, so that other programs see what was acknowledged. A failure is no failure of the
   * operation that happened to be the last one: it is logged, and tried again later.
   */
  publish(): void {
    try {
      this.commit();
    } catch (error) {
      this.#logger.error({ err: error }, "metadata can't be committed; it is kept in the journal");
    }
  }

  /** Leaves nothing to be done later. What isn't committed stays in the journal. */
  close(): void {
    this.#cancelTick?.();
    this.#cancelTick = undefined;
  }

  #require(kind: "read" | "write"): void {
    if (this.#broken !== undefined) throw this.#broken;
    if (this.#isBehind) this.#catchUp();
    this.#operations += 1;
    if (this.#open === "none") {
      if (kind === "write") {
        this.#place.requireKept();
        this.#beginWrite();
      } else this.#control.begin.run();
      this.#open = kind;
      this.#openedAtMs = this.#clock.monotonicMs();
      this.#tickAfter(QUIET_MS);
    } else if (this.#open === "read" && kind === "write") {
      this.#place.requireKept();
      // Upgrading in place could fail on a snapshot that is not the newest; a new one can't.
      this.#control.commit.run();
      this.#open = "none";
      this.#beginWrite();
      this.#open = "write";
    }
  }

  #beginWrite(): void {
    try {
      this.#control.beginWrite.run();
      this.#open = "write";
      this.#isLockedOut = false;
    } catch (error) {
      const failure = sqliteError(
        error,
        "begin a transaction (does another program hold the database?)",
      );
      if (failure.kind === "busy" && !this.#isLockedOut) {
        this.#logger.warn({ err: failure }, failure.message);
        this.#isLockedOut = true;
      }
      throw failure;
    }
  }

  #record(entries: readonly JournalEntry[]): void {
    this.#journal.append(entries);
    this.#failpoints.reach("journal-written");
    this.#writes += 1;
    if (this.#isMuchAtStake && this.#stuck === undefined) this.publish();
  }

  get #isMuchAtStake(): boolean {
    return this.#writes >= MAX_OPERATIONS || this.#journal.sizeBytes >= MAX_JOURNAL_BYTES;
  }

  #execute(step: Step): Answer[keyof Answer] {
    if (step.wants === "recordingTime") return this.#recording.time();
    const { statement, params, wants } = step;
    let prepared = this.#prepared.get(statement);
    if (prepared === undefined) {
      prepared = this.#database.prepare<SqlValue[]>(statement.sql);
      if (prepared.reader) prepared.raw();
      this.#prepared.set(statement, prepared);
    }
    if (wants === "first") return prepared.get(...params) as Row | undefined;
    if (wants === "all") return prepared.all(...params) as Row[];
    return prepared.run(...params).changes;
  }

  /**
   * SQLite ends the whole transaction by itself when it runs out of memory or its disk fails
   * (https://www.sqlite.org/lang_transaction.html, "automatic rollback").
   */
  get #wasRolledBack(): boolean {
    return this.#open !== "none" && !this.#database.inTransaction;
  }

  /** Leaves it to {@link #undo} to make something of a failure. */
  #tryToRollBack(): boolean {
    try {
      if (this.#database.inTransaction) this.#database.exec("ROLLBACK");
      return true;
    } catch {
      return false;
    }
  }

  /** Goes back to the state before the operation that failed, as soon as that can be done. */
  #undo(): void {
    this.#isBehind = true;
    try {
      this.#catchUp();
    } catch (error) {
      this.#logger.warn({ err: error }, "metadata waits to be brought back from the journal");
    }
  }

  /**
   * Rolls back and replays all that the journal has. Errors: `busy` when another program holds the
   * database, in which case it is tried again before anything else is done; `io-failure` for good.
   */
  #catchUp(): void {
    try {
      if (this.#database.inTransaction) this.#database.exec("ROLLBACK");
      this.#open = "none";
      const operations = this.#journal.replay(this.#committedBatch());
      this.#writes = operations.length;
      if (operations.length > 0) {
        this.#beginWrite();
        this.#redo(operations);
        this.#openedAtMs = this.#clock.monotonicMs();
        this.#tickAfter(QUIET_MS);
      }
      this.#isBehind = false;
    } catch (error) {
      const failure = sqliteError(error, "recover metadata");
      if (failure.kind === "busy") {
        this.#tickAfter(RETRY_MS);
        throw failure;
      }
      this.#broken = new NexusError(
        "io-failure",
        `the metadata database can't be written any more (${messageOf(error)}); what was acknowledged is in the journal and comes back at the next start`,
        { op: "recover metadata", cause: error },
      );
      this.#logger.fatal({ err: error }, this.#broken.message);
      throw this.#broken;
    }
  }

  #redo(operations: readonly JournalEntry[][]): void {
    for (const [sql, ...params] of operations.flat()) {
      const statement = this.#database.prepare<SqlValue[]>(sql);
      if (statement.reader) statement.all(...params);
      else statement.run(...params);
    }
  }

  #committedBatch(): number {
    return this.#database.prepare(READ_BATCH).pluck().get() as number;
  }

  #tickAfter(delayMs: number): void {
    this.#cancelTick?.();
    const before = this.#operations;
    this.#cancelTick = this.#scheduler.after(delayMs, () => {
      this.#cancelTick = undefined;
      const isQuiet = this.#operations === before;
      const isOld = this.#clock.monotonicMs() - this.#openedAtMs >= MAX_AGE_MS;
      if (isQuiet || isOld) this.publish();
      else this.#tickAfter(QUIET_MS);
    });
  }
}
