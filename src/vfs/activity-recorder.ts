import type { Scheduler } from "../model/clock.js";
import type { Ino } from "../model/ids.js";
import type { Timestamp } from "../model/timestamp.js";
import type { ContentStore } from "../storage/content/content-store.js";
import type { InodeRecord, MetadataStore } from "../storage/metadata/metadata-store.js";
import type { Logger } from "../telemetry/logger.js";
import type { Staging } from "./content/staging.js";
import type { Activity, Inode } from "./inode.js";

/**
 * The row of a file that was written is brought up to date this much later, together with those of
 * all others: what the database tells is that fresh. A crash before loses nothing, since recovery
 * looks at the staged contents themselves.
 */
const RECORD_AFTER_MS = 20;
const RETRY_AFTER_MS = 1000;

export interface ActivityRecorderOptions {
  readonly metadata: MetadataStore;
  readonly contents: ContentStore;
  readonly staging: Staging;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
}

/**
 * Keeps what open files go through (sizes, times) until it is in their rows, so that a write is no
 * transaction.
 */
export class ActivityRecorder {
  readonly #metadata: MetadataStore;
  readonly #contents: ContentStore;
  readonly #staging: Staging;
  readonly #scheduler: Scheduler;
  readonly #logger: Logger;
  readonly #active = new Set<Inode>();
  #cancelTimer: (() => void) | undefined;
  #noteRecorded: (inode: Inode) => void = () => undefined;

  constructor(options: ActivityRecorderOptions) {
    this.#metadata = options.metadata;
    this.#contents = options.contents;
    this.#staging = options.staging;
    this.#scheduler = options.scheduler;
    this.#logger = options.logger;
  }

  /** Tells of each inode whose row was brought up to date with all others. */
  whenRecorded(note: (inode: Inode) => void): void {
    this.#noteRecorded = note;
  }

  /** Whether all rows are up to date. */
  get isIdle(): boolean {
    return this.#active.size === 0;
  }

  /** Adds to what an inode went through. */
  note(inode: Inode, activity: Activity): void {
    inode.activity = inode.activity === undefined ? activity : { ...inode.activity, ...activity };
    this.#active.add(inode);
    this.#cancelTimer ??= this.#scheduler.after(RECORD_AFTER_MS, () => this.#recordOrRetry());
  }

  /**
   * The row just got this ctime. What is noted has an older one and is recorded later, which would
   * take it back.
   */
  raiseCtime({ activity }: Inode, now: Timestamp): void {
    if (activity?.ctime !== undefined) activity.ctime = now;
  }

  /** Forgets all but the access time: the row was just written anew, with the rest. */
  drop(inode: Inode): void {
    const atime = inode.activity?.atime;
    inode.activity = atime === undefined ? undefined : { atime };
    if (atime === undefined) this.#active.delete(inode);
  }

  /** The row as it would be, were everything recorded. */
  appliedTo(record: InodeRecord, inode: Inode | undefined): InodeRecord {
    const activity = inode?.activity;
    if (activity === undefined) return record;
    return { ...record, ...activity, blocks: this.#blocks(record.ino, activity) ?? record.blocks };
  }

  /** Writes what this inode went through to its row, now. */
  record(inode: Inode): void {
    if (inode.activity !== undefined) this.#record([inode]);
  }

  /** The same where nobody waits for it. False when it can't be now: it stays noted, and is tried again. */
  tryRecord(inode: Inode): boolean {
    return this.#try(() => this.record(inode));
  }

  recordAll(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#active.size === 0) return;
    const inodes = [...this.#active];
    this.#record(inodes);
    for (const inode of inodes) this.#noteRecorded(inode);
  }

  #record(inodes: readonly Inode[]): void {
    const activities = inodes.flatMap(({ ino, activity }) => {
      if (activity === undefined) return [];
      const blocks = this.#blocks(ino, activity);
      return [{ ino, ...activity, ...(blocks === undefined ? {} : { blocks }) }];
    });
    this.#metadata.recordActivity(activities);
    for (const inode of inodes) {
      inode.activity = undefined;
      this.#active.delete(inode);
    }
  }

  /** Nobody waits for this; what can't be recorded now stays noted. */
  #recordOrRetry(): void {
    this.#cancelTimer = undefined;
    this.#try(() => this.recordAll());
  }

  #try(record: () => void): boolean {
    try {
      record();
      return true;
    } catch (error) {
      this.#logger.error({ err: error }, "what happened to files can't be recorded now");
      this.#cancelTimer ??= this.#scheduler.after(RETRY_AFTER_MS, () => this.#recordOrRetry());
      return false;
    }
  }

  /** What a staged content takes on disk; undefined when that hasn't changed. */
  #blocks(ino: Ino, { sizeBytes }: Activity): number | undefined {
    const staged = sizeBytes === undefined ? undefined : this.#staging.of(ino);
    if (staged === undefined) return undefined;
    if (staged.file !== undefined) return staged.file.stat().blocks;
    return staged.hasFile ? this.#contents.statStaging(staged.id)?.blocks : 0;
  }
}
