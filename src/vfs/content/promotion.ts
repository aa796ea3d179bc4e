import type { Clock, Scheduler } from "../../model/clock.js";
import { NexusError } from "../../model/errors.js";
import type { ContentStore } from "../../storage/content/content-store.js";
import type { Logger } from "../../telemetry/logger.js";
import { ContentBatch, isLarge, PromotionQueue } from "./promotion-queue.js";
import type { Reclaimer } from "./reclaimer.js";
import type { Batch, Hashes, Sealing } from "./sealing.js";
import type { StagedContent } from "./staged-content.js";
import type { Staging } from "./staging.js";

/** A content is sealed when nobody has written to it for this long. */
const QUIET_MS = 1000;
/** What had to be copied before it could be written waits longer, a second for each so many bytes. */
const COPIED_BYTES_A_SECOND = 16 * 1024 * 1024;
const LONGEST_QUIET_MS = 60_000;
const RETRY_MS = 10_000;

export interface PromotionOptions {
  readonly sealing: Sealing;
  readonly contents: ContentStore;
  readonly staging: Staging;
  readonly reclaimer: Reclaimer;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
}

/** What one file can't be blamed for. */
function isEverybodysTrouble(error: unknown): boolean {
  if (!(error instanceof NexusError)) return false;
  const kinds = ["no-space", "quota-exceeded", "too-many-open-files", "out-of-memory", "closed"];
  return kinds.includes(error.kind);
}

interface AskedTurn {
  readonly batch: ContentBatch;
  readonly turn: Promise<void>;
}

/**
 * When staged contents are sealed: some time after their last writer has gone, a batch at a time,
 * the slow parts on another thread. What somebody changes meanwhile stays staged and waits anew.
 *
 * Batches, and whoever asks for one content, take turns in the order in which they came. A large
 * content is hashed beside them, one of those at a time unless somebody asks for another, and takes
 * a turn only to be sealed: so nothing waits until hours of hashing are over.
 */
export class Promotion {
  readonly #sealing: Sealing;
  readonly #contents: ContentStore;
  readonly #staging: Staging;
  readonly #reclaimer: Reclaimer;
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #logger: Logger;
  readonly #queue = new PromotionQueue();
  /** The large contents under way. */
  readonly #large = new Map<StagedContent, Promise<void>>();
  /** What holds for all files was in the way: until then nothing is begun that nobody asked for. */
  #pausedUntilMs = 0;
  #timer: { readonly dueMs: number; readonly cancel: () => void } | undefined;
  /** The end of the last turn that was given; undefined when nobody has one. */
  #lastTurn: Promise<void> | undefined;
  #bytesInTurns = 0;
  /** The newest turn of what somebody asks for. */
  #asked: AskedTurn | undefined;
  /** A batch has its turn, or waits for it. */
  #hasBatchTurn = false;
  #isStopped = false;

  constructor(options: PromotionOptions) {
    this.#sealing = options.sealing;
    this.#contents = options.contents;
    this.#staging = options.staging;
    this.#reclaimer = options.reclaimer;
    this.#clock = options.clock;
    this.#scheduler = options.scheduler;
    this.#logger = options.logger;
    this.#staging.whenSuperseded((staged) => this.supersede(staged));
  }

  /** How many contents wait to be sealed. */
  get waiting(): number {
    return this.#queue.size + this.#queue.large.length;
  }

  /** The last writer of this content has gone. */
  enqueue(staged: StagedContent): void {
    staged.isClosed = true;
    if (staged.phase === "missing") return;
    const costMs = (staged.copiedBytes / COPIED_BYTES_A_SECOND) * 1000;
    this.#wait(staged, Math.min(QUIET_MS + costMs, LONGEST_QUIET_MS));
  }

  /** Another content has taken its place, and nothing refers to this one. */
  supersede(staged: StagedContent): void {
    this.dequeue(staged);
    if (staged.phase === "hashing") this.#contents.cancelHash(staged.id);
    this.#abandon(staged);
  }

  /** A writer came, or the content is gone. */
  dequeue(staged: StagedContent): void {
    this.#queue.delete(staged);
  }

  /** How much would be hashed and sealed before {@link settle} could resolve, this one included. */
  bytesUntilSettled({ sizeBytes }: StagedContent): number {
    return this.#bytesInTurns + sizeBytes;
  }

  /**
   * Seals this content now, unless somebody has it open for writing. Resolves when it is sealed, or
   * when it turned out that it can't be. Errors: `io-failure`, `no-space`.
   */
  async settle(staged: StagedContent): Promise<void> {
    if (!isLarge(staged)) await this.#askedTurn(staged);
    // It may have grown meanwhile.
    if (isLarge(staged) && this.#sealing.canSeal(staged)) await this.#runLarge(staged);
  }

  /**
   * Seals what waits now and may be equal to a content of this size. All that isn't large is: telling
   * it apart would take longer. What can't be sealed waits on; it is the trouble of its own file.
   */
  async settleAlike(sizeBytes: number): Promise<void> {
    await this.#settleWaiting((large) => large.sizeBytes === sizeBytes);
  }

  /** Seals all that waits now. What can't be sealed waits on. */
  async settleAll(): Promise<void> {
    await this.#settleWaiting(() => true);
  }

  /** All that isn't large, and of that what is wanted. */
  async #settleWaiting(isWanted: (large: StagedContent) => boolean): Promise<void> {
    const large = [...this.#large.keys(), ...this.#queue.large].filter(isWanted);
    // What comes back, because somebody changed it meanwhile, doesn't count again.
    for (let left = this.#queue.size; left > 0; ) {
      const taken = await this.#batchTurn(Number.POSITIVE_INFINITY);
      if (taken === 0) break;
      left -= taken;
    }
    await this.#lastTurn;
    for (const staged of large) await this.settle(staged).catch(() => undefined);
  }

  /**
   * Seals all that nobody writes to, until done or until `deadlineMs` of the monotonic clock, and
   * stops for good. What is still being hashed then is left to the next start.
   */
  async drain(deadlineMs: number): Promise<void> {
    const leftMs = deadlineMs - this.#clock.monotonicMs();
    if (leftMs <= 0) this.#stop();
    const cancel = this.#scheduler.after(Math.max(0, leftMs), () => this.#stop());
    while (this.#lastTurn !== undefined) await this.#lastTurn;
    while (this.#queue.size > 0 && !this.#isStopped) {
      const before = this.#queue.size;
      await this.#batchTurn(Number.POSITIVE_INFINITY);
      if (this.#queue.size >= before) break;
    }
    for (const staged of this.#queue.large) {
      if (!this.#isStopped) await this.#runLarge(staged).catch(() => undefined);
    }
    await Promise.allSettled(this.#large.values());
    cancel();
    this.#stop();
    await this.#lastTurn;
  }

  #stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#sealing.stop();
  }

  #wait(staged: StagedContent, delayMs: number): void {
    this.#queue.add(staged, this.#clock.monotonicMs() + delayMs);
    this.#arm(this.#queue.isCrowded ? 0 : delayMs);
  }

  #arm(delayMs: number): void {
    if (this.#isStopped) return;
    const nowMs = this.#clock.monotonicMs();
    const dueMs = Math.max(nowMs + delayMs, this.#pausedUntilMs);
    if (this.#timer !== undefined) {
      if (this.#timer.dueMs <= dueMs) return;
      this.#timer.cancel();
    }
    const cancel = this.#scheduler.after(dueMs - nowMs, () => {
      this.#timer = undefined;
      this.#takeDue();
      this.#armForNext();
    });
    this.#timer = { dueMs, cancel };
  }

  /** Starts what is due, as far as it needn't wait for its like; that one's end arms the timer. */
  #takeDue(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#pausedUntilMs) return;
    if (!this.#hasBatchTurn && this.#queue.nextBatchMs <= nowMs) {
      this.#hasBatchTurn = true;
      void this.#batchTurn().finally(() => {
        this.#hasBatchTurn = false;
        this.#armForNext();
      });
    }
    const large = this.#large.size === 0 ? this.#queue.takeLarge(nowMs) : undefined;
    if (large !== undefined) this.#runLarge(large).catch(() => undefined);
  }

  #armForNext(): void {
    const batchMs = this.#hasBatchTurn ? Number.POSITIVE_INFINITY : this.#queue.nextBatchMs;
    const largeMs = this.#large.size > 0 ? Number.POSITIVE_INFINITY : this.#queue.nextLargeMs;
    const nextMs = Math.min(batchMs, largeMs);
    if (nextMs === Number.POSITIVE_INFINITY) return;
    this.#arm(Math.max(1, nextMs - this.#clock.monotonicMs()));
  }

  /** Runs `job` when those before have had their turns: now, if there are none. */
  #inTurn<T>(bytes: number, job: () => Promise<T>): Promise<T> {
    this.#bytesInTurns += bytes;
    const turn = this.#lastTurn === undefined ? job() : this.#lastTurn.then(job);
    const end = () => {
      this.#bytesInTurns -= bytes;
      if (this.#lastTurn === ended) this.#lastTurn = undefined;
    };
    const ended: Promise<void> = turn.then(end, end);
    this.#lastTurn = ended;
    return turn;
  }

  /**
   * A turn for the batch that is due when it comes. Resolves to the number of files taken, sealed or
   * not: what failed is logged, and waits for another try.
   */
  #batchTurn(dueMs?: number): Promise<number> {
    return this.#inTurn(0, async () => {
      if (this.#isStopped) return 0;
      const taken = this.#queue.takeBatch(dueMs ?? this.#clock.monotonicMs());
      const batch = taken.filter((staged) => this.#staging.isCurrent(staged));
      for (const staged of taken) if (!this.#staging.isCurrent(staged)) this.#abandon(staged);
      const bytes = batch.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      this.#bytesInTurns += bytes;
      try {
        if (batch.length > 0) await this.#run(batch);
      } catch {
        // logged by #run
      } finally {
        this.#bytesInTurns -= bytes;
      }
      return taken.length;
    });
  }

  /**
   * A turn for a content that somebody asks for, shared with those who ask for another one before it
   * comes. Rejects when this one could have been sealed and wasn't.
   */
  async #askedTurn(staged: StagedContent): Promise<void> {
    const bytes = staged.sizeBytes;
    this.#bytesInTurns += bytes;
    try {
      await this.#askFor(staged);
    } catch (error) {
      if (this.#sealing.canSeal(staged)) throw error;
    } finally {
      this.#bytesInTurns -= bytes;
    }
  }

  #askFor(staged: StagedContent): Promise<void> {
    if (this.#asked?.batch.add(staged, staged.sizeBytes) === true) return this.#asked.turn;
    const batch = new ContentBatch();
    batch.add(staged, staged.sizeBytes);
    const turn = this.#inTurn(0, async () => {
      const contents = batch
        .take()
        .filter((asked) => !isLarge(asked) && this.#sealing.canSeal(asked));
      if (contents.length === 0 || this.#isStopped) return;
      for (const asked of contents) this.dequeue(asked);
      await this.#run(contents);
    });
    this.#asked = { batch, turn };
    return turn;
  }

  /** One batch. Rejects when it failed; its contents wait for another try then. */
  async #run(batch: readonly StagedContent[]): Promise<void> {
    try {
      await this.#promoteOrSplit(batch);
    } catch (error) {
      this.#noteFailure(error, { files: batch.length });
      throw error;
    }
  }

  #noteFailure(error: unknown, { files }: { files: number }): void {
    if (isEverybodysTrouble(error)) {
      const nowMs = this.#clock.monotonicMs();
      const isKnown = nowMs < this.#pausedUntilMs;
      this.#pausedUntilMs = nowMs + RETRY_MS;
      // Anybody can ask for a hash as often as they like; the log is on that disk, too.
      if (isKnown) return;
    }
    this.#logger.error({ err: error, files }, "contents can't be sealed now");
  }

  /** One large content, beside the turns; joins the one who is at it already. Rejects as #run. */
  #runLarge(staged: StagedContent): Promise<void> {
    const running = this.#large.get(staged);
    if (running !== undefined) return running;
    this.dequeue(staged);
    const run = this.#promoteLarge(staged)
      .catch((error) => {
        this.#requeue(staged, RETRY_MS);
        this.#noteFailure(error, { files: 1 });
        throw error;
      })
      .finally(() => {
        this.#large.delete(staged);
        this.#armForNext();
      });
    this.#large.set(staged, run);
    return run;
  }

  async #promoteLarge(staged: StagedContent): Promise<void> {
    let batch: Batch = new Map();
    let hashing: Promise<Hashes> | undefined;
    // Begins in a turn, because the store forgets the bytes of the batch that it hashed before.
    await this.#inTurn(0, async () => {
      if (!this.#sealing.canSeal(staged)) return;
      batch = this.#sealing.begin([staged]);
      hashing = this.#sealing.hash(batch);
      // Whoever awaits it comes later.
      hashing.catch(() => undefined);
    });
    if (hashing === undefined) return this.#requeue(staged, QUIET_MS);
    const hashes = await hashing;
    // Its bytes go to disk beside the turns, so that its own, which does that too, is short. What a
    // sync couldn't write is sealed from a copy.
    if (!this.#isStopped && this.#sealing.canSeal(staged)) {
      await this.#staging.sync(staged).catch(() => undefined);
    }
    await this.#inTurn(staged.sizeBytes, () => this.#seal(batch, hashes));
  }

  /**
   * What fails may be the trouble of one file: then the batch is halved until the others are sealed,
   * so that a bad one holds up nobody.
   */
  async #promoteOrSplit(batch: readonly StagedContent[]): Promise<void> {
    try {
      await this.#promote(batch);
    } catch (error) {
      if (batch.length === 1 || isEverybodysTrouble(error)) {
        for (const staged of batch) this.#requeue(staged, RETRY_MS);
        throw error;
      }
      const middle = Math.ceil(batch.length / 2);
      const halves = [batch.slice(0, middle), batch.slice(middle)];
      const failures: unknown[] = [];
      for (const half of halves) {
        await this.#promoteOrSplit(half).catch((failure) => failures.push(failure));
      }
      if (failures.length > 0) throw failures[0];
    }
  }

  async #promote(contents: readonly StagedContent[]): Promise<void> {
    const batch = this.#sealing.begin(contents);
    await this.#seal(batch, await this.#sealing.hash(batch));
  }

  async #seal(batch: Batch, hashes: Hashes): Promise<void> {
    const changed = await this.#sealing.seal(batch, hashes);
    for (const staged of changed) this.#requeue(staged, QUIET_MS);
  }

  /** Its inode is gone, or has another content by now. */
  #abandon(staged: StagedContent): void {
    staged.close();
    if (staged.hasFile) this.#reclaimer.discard([staged.id]);
  }

  #requeue(staged: StagedContent, delayMs: number): void {
    if (!this.#staging.isCurrent(staged)) {
      this.#abandon(staged);
      return;
    }
    if (staged.phase === "hashing") staged.phase = "writable";
    if (!this.#sealing.hasWriters(staged)) this.#wait(staged, delayMs);
  }
}
