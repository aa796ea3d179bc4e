import type { Clock, Scheduler } from "../../../model/clock.js";
import { type Timestamp, timestampToMs } from "../../../model/timestamp.js";
import type { Logger } from "../../../telemetry/logger.js";
import type { ChangePosition, ChangeRecord, ChangeStore } from "../change-store.js";
import * as log from "../operations/change-log.js";
import { type Recording, WHILE_WATCHED_MS } from "./recording.js";
import type { SqliteEngine } from "./sqlite-engine.js";

/** How long changes are kept, and recorded for somebody who left. */
export const KEPT_MS = 60 * 60 * 1000;
/** ... and how many of them, about 20 MB. */
export const MOST_KEPT = 100_000;
/** Whether there are too many is looked at after so many operations, and again after so long until there aren't. */
const TIDY_AFTER = 1000;
const TIDY_AGAIN_MS = 20;

export interface SqliteChangeStoreOptions {
  readonly engine: SqliteEngine;
  readonly recording: Recording;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
}

/**
 * The {@link ChangeStore} in the same database as the rest of the metadata. It has a timer only while
 * there is something to remove.
 */
export class SqliteChangeStore implements ChangeStore {
  readonly #engine: SqliteEngine;
  readonly #recording: Recording;
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #logger: Logger;
  readonly #watchers = new Set<() => void>();
  #recorded = 0;
  #cancelTidying: (() => void) | undefined;
  #isClosed = false;

  constructor(options: SqliteChangeStoreOptions) {
    this.#engine = options.engine;
    this.#recording = options.recording;
    this.#clock = options.clock;
    this.#scheduler = options.scheduler;
    this.#logger = options.logger;
    this.#recording.listen({
      onRecorded: () => this.#noteRecorded(),
      onLapse: () => this.#tidyIn(0),
    });
  }

  /**
   * Takes up what the last process left: who watched it may come back within an hour from now. Call it
   * once the schema is there, before anything is written.
   */
  resume(): void {
    const untilMs = this.#engine.read(log.recordingUntil());
    if (untilMs === undefined) return;
    const nowMs = this.#nowMs();
    const isWatched = untilMs === WHILE_WATCHED_MS;
    if (isWatched) this.#engine.write(log.recordUntil(nowMs + KEPT_MS));
    if (isWatched || untilMs > nowMs)
      this.#recording.untilMs = isWatched ? nowMs + KEPT_MS : untilMs;
    else this.#tidyIn(0);
  }

  watchChanges(listener: () => void): () => void {
    if (this.#watchers.size === 0) this.#begin();
    // One listener may watch twice, and ends each of the two by itself.
    const watcher = () => listener();
    this.#watchers.add(watcher);
    return () => {
      if (this.#watchers.delete(watcher) && this.#watchers.size === 0) this.#end();
    };
  }

  newestChange(): ChangePosition {
    this.#requireRecord();
    return this.#engine.read(log.newestChange());
  }

  changesAfter(page: { after: ChangePosition; limit: number }): ChangeRecord[] {
    this.#requireRecord();
    return this.#engine.read(log.changesAfter(page));
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTidying?.();
    this.#cancelTidying = undefined;
  }

  /** Whole ones: the column takes nothing else. */
  #nowMs(): number {
    return Math.floor(timestampToMs(this.#clock.now()));
  }

  #requireRecord(): void {
    if (!this.#recording.isOn) throw log.notRecorded();
  }

  #begin(): void {
    const untilMs = WHILE_WATCHED_MS;
    if (this.#recording.isOn) this.#engine.write(log.recordUntil(untilMs));
    else this.#engine.write(log.beginRecording({ untilMs, now: this.#clock.now() }));
    this.#recording.untilMs = untilMs;
  }

  /** Should that fail, the next process takes it that somebody was watching until then. */
  #end(): void {
    if (this.#isClosed) return;
    const untilMs = this.#nowMs() + KEPT_MS;
    this.#recording.untilMs = untilMs;
    this.#try(() => this.#engine.write(log.recordUntil(untilMs)));
  }

  #noteRecorded(): void {
    this.#recorded += 1;
    if (this.#recorded % TIDY_AFTER === 0) this.#tidyIn(0);
    for (const watcher of [...this.#watchers]) watcher();
  }

  #tidyIn(delayMs: number): void {
    if (this.#isClosed || this.#cancelTidying !== undefined) return;
    this.#cancelTidying = this.#scheduler.after(delayMs, () => {
      this.#cancelTidying = undefined;
      this.#try(() => this.#tidy());
    });
  }

  #tidy(): void {
    const isOn = this.#recording.isOn;
    // It came to its end: nobody may take it up again, whatever happens to the time of day.
    if (!isOn) this.#engine.write(log.recordUntil(undefined));
    const now = this.#clock.now();
    const limits = isOn
      ? { before: before(now, KEPT_MS), most: MOST_KEPT }
      : { before: now, most: 0 };
    if (this.#engine.write(log.removeChanges(limits))) this.#tidyIn(TIDY_AGAIN_MS);
  }

  /** Nobody waits for it, and it is done another time. */
  #try(task: () => void): void {
    try {
      task();
    } catch (error) {
      this.#logger.warn({ err: error }, "the record of changes can't be kept in order now");
    }
  }
}

function before({ sec, nsec }: Timestamp, ms: number): Timestamp {
  return { sec: sec - Math.floor(ms / 1000), nsec };
}
