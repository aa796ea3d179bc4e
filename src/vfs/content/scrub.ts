import type { Clock, Scheduler } from "../../model/clock.js";
import { compareTimestamps, timestampToDate, timestampToMs } from "../../model/timestamp.js";
import type { ContentStore, WrongContent } from "../../storage/content/content-store.js";
import type { MetadataStore } from "../../storage/metadata/metadata-store.js";
import type { NeededContent, ScrubProgress } from "../../storage/metadata/scrub-store.js";
import type { Logger } from "../../telemetry/logger.js";
import type { KnownDamage } from "./known-damage.js";

/** By then a store that was just opened has what it begins with behind it. */
const FIRST_AFTER_MS = 5 * 60_000;
/** Of a small store, a round takes no time. */
const SHORTEST_WAIT_MS = 60_000;
/** What fails for another reason than damage is tried again. */
const RETRY_AFTER_MS = 60 * 60_000;
/** So much is read in one go; of contents that are larger, one. */
const BATCH_CONTENTS = 250;
const BATCH_BYTES = 64 * 1024 * 1024;
/** How far it has come is written down so often: that much is read twice after a crash. */
const NOTE_EVERY_MS = 60_000;
/** What is wrong is looked at again: what was removed meanwhile is missing, and not lost. */
const LOOKS = 3;
/** So many paths are logged. */
const MOST_PATHS = 5;

export interface ScrubOptions {
  readonly metadata: Pick<MetadataStore, "scrub">;
  readonly contents: Pick<ContentStore, "verify" | "cancelVerify">;
  readonly damage: KnownDamage;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly bytesPerSecond: number;
  /** From the begin of one round to the begin of the next. */
  readonly intervalMs: number;
}

/** How far it is. Times are ISO 8601. */
export interface ScrubFigures {
  /** Of the round that is under way, from 0 to 1. */
  readonly done: number | undefined;
  readonly beganAt: string | undefined;
  /** When the last whole round ended. */
  readonly endedAt: string | undefined;
  /** Contents of files that are known to be damaged. */
  readonly damaged: number;
}

/** What a store says of that, whether it scrubs by itself or not. */
export function scrubFigures({ scrub }: Pick<MetadataStore, "scrub">): ScrubFigures {
  const { position, beganAt, endedAt } = scrub.progress();
  const [began, ended] = [beganAt, endedAt].map((time) => time && timestampToDate(time));
  return {
    done: position === undefined ? undefined : partDone(position),
    beganAt: began?.toISOString(),
    endedAt: ended?.toISOString(),
    damaged: scrub.damage().length,
  };
}

/**
 * Reads the contents of all files again and again, slowly, to find what the disk has lost while somebody still has a
 * copy. A round goes by the order of hashes and, after a restart, goes on where it was. What is found is noted, logged
 * with the files that have it, and looked at again by the next run, which begins minutes after the store was opened.
 */
export class Scrub {
  readonly #options: ScrubOptions;
  #progress: ScrubProgress;
  #notedAtMs = 0;
  #isClosed = false;
  #cancel: () => void = () => undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: ScrubOptions) {
    this.#options = options;
    this.#progress = options.metadata.scrub.progress();
    this.#runAfter(FIRST_AFTER_MS);
  }

  /** Begins nothing more, and resolves when what was begun has ended, which it does soon. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    this.#options.contents.cancelVerify();
    await this.#running;
  }

  #runAfter(delayMs: number): void {
    this.#cancel = this.#options.scheduler.after(delayMs, () => {
      this.#running = this.#run();
    });
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { logger } = this.#options;
    let nextMs = RETRY_AFTER_MS;
    try {
      nextMs = await this.#runOnce();
    } catch (error) {
      if (!this.#isClosed) logger.error({ err: error }, "contents can't be read again now");
    }
    if (!this.#isClosed) this.#runAfter(nextMs);
  }

  /** Returns in how many milliseconds there is something to do again. */
  async #runOnce(): Promise<number> {
    await this.#lookAgain();
    if (this.#waitMs() === 0) {
      try {
        await this.#readOn();
      } finally {
        this.#note(this.#progress);
      }
      if (this.#isClosed) return 0;
      const { damaged } = scrubFigures(this.#options.metadata);
      this.#options.logger.info({ damaged }, "the contents of all files were read again");
    }
    return Math.max(this.#waitMs(), SHORTEST_WAIT_MS);
  }

  /** Until the next round is due; 0 when one is, or is under way. */
  #waitMs(): number {
    const { clock, intervalMs } = this.#options;
    const { position, beganAt } = this.#progress;
    const now = clock.now();
    // One that began in the future began by a clock that was wrong.
    const isFuture = beganAt !== undefined && compareTimestamps(beganAt, now) > 0;
    if (position !== undefined || beganAt === undefined || isFuture) return 0;
    return Math.max(0, timestampToMs(beganAt) + intervalMs - timestampToMs(now));
  }

  /** What is known to be wrong may have been mended, or removed. */
  async #lookAgain(): Promise<void> {
    const { metadata, damage } = this.#options;
    for (const hash of damage.all()) {
      const content = metadata.scrub.needed(hash);
      const { count, wrong } =
        content === undefined ? { count: 1, wrong: [] } : await this.#verify([content]);
      if (count === 1 && wrong.length === 0) damage.forget([hash]);
    }
  }

  /** To the end of the round. */
  async #readOn(): Promise<void> {
    const { metadata, clock, scheduler } = this.#options;
    if (this.#progress.position === undefined) {
      this.#note({ ...this.#progress, position: "", beganAt: clock.now() });
    }
    for (;;) {
      const { position = "" } = this.#progress;
      const page = { after: position, limit: BATCH_CONTENTS };
      const batch = fewBytes(metadata.scrub.neededAfter(page));
      if (batch.length === 0) {
        this.#progress = { ...this.#progress, position: undefined, endedAt: clock.now() };
        return;
      }
      const { count, wrong } = await this.#verify(batch);
      await this.#report(wrong);
      // What was found wrong may not have been looked at again: then it is read anew.
      if (this.#isClosed) return;
      const last = batch[count - 1];
      if (last !== undefined) this.#progress = { ...this.#progress, position: last.hash };
      if (clock.monotonicMs() - this.#notedAtMs > NOTE_EVERY_MS) this.#note(this.#progress);
      await scheduler.turn();
    }
  }

  #verify(contents: readonly NeededContent[]) {
    const { bytesPerSecond } = this.#options;
    return this.#options.contents.verify({ contents, bytesPerSecond });
  }

  async #report(wrong: readonly WrongContent[]): Promise<void> {
    for (const first of wrong) {
      const found = await this.#stillWrong(first);
      if (found !== undefined) this.#noteDamage(found);
    }
  }

  /** What it is that is wrong, unless the content isn't needed by now, or is there after all. */
  async #stillWrong(first: WrongContent): Promise<WrongContent | undefined> {
    const { scrub } = this.#options.metadata;
    let found: WrongContent | undefined = first;
    for (let looks = 1; found !== undefined && looks < LOOKS; looks++) {
      const content = scrub.needed(first.hash);
      if (content === undefined) return undefined;
      found = (await this.#verify([content])).wrong[0];
    }
    return found;
  }

  #noteDamage({ hash, problem, detail }: WrongContent): void {
    const { metadata, damage, clock, logger } = this.#options;
    if (!damage.note({ hash, problem, detail, foundAt: clock.now() })) return;
    const files = metadata.scrub.pathsWith({ hash, limit: MOST_PATHS });
    const message = "a content is damaged: its files can't be read; see nexus fsck";
    logger.error({ hash, problem, detail, files }, message);
  }

  #note(progress: ScrubProgress): void {
    const { metadata, clock } = this.#options;
    this.#progress = progress;
    metadata.scrub.setProgress(progress);
    this.#notedAtMs = clock.monotonicMs();
  }
}

/** As many, from the first one on, as make up a batch. */
function fewBytes(contents: readonly NeededContent[]): readonly NeededContent[] {
  let bytes = 0;
  const end = contents.findIndex(({ sizeBytes }, index) => {
    bytes += sizeBytes;
    return index > 0 && bytes > BATCH_BYTES;
  });
  return end < 0 ? contents : contents.slice(0, end);
}

/** Hashes are as good as random, so the first eight digits tell. */
function partDone(position: string): number {
  return position === "" ? 0 : Number.parseInt(position.slice(0, 8), 16) / 2 ** 32;
}
