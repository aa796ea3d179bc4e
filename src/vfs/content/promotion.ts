import type { Clock, Scheduler } from "../../model/clock.js";
import { NexusError } from "../../model/errors.js";
import { type ContentHash, EMPTY_HASH, type StagingId } from "../../model/ids.js";
import type { ContentStore, SealRequest } from "../../storage/content/content-store.js";
import type { MetadataStore, SealedContent } from "../../storage/metadata/metadata-store.js";
import type { Logger } from "../../telemetry/logger.js";
import type { InodeTable } from "../inode-table.js";
import type { Reclaimer } from "./reclaimer.js";
import type { StagedContent } from "./staged-content.js";
import type { Staging } from "./staging.js";

/** A content is sealed when nobody has written to it for this long. */
const QUIET_MS = 1000;
/** What had to be copied before it could be written waits longer, a second for each so many bytes. */
const COPIED_BYTES_A_SECOND = 16 * 1024 * 1024;
const LONGEST_QUIET_MS = 60_000;
/** With more than this waiting, the oldest go without further delay. */
const MOST_WAITING = 20_000;
const MOST_WAITING_BYTES = 1024 * 1024 * 1024;
/** One batch: what is hashed, sealed and committed together. */
const BATCH_FILES = 256;
const BATCH_BYTES = 256 * 1024 * 1024;
const RETRY_MS = 10_000;

export interface PromotionOptions {
  readonly metadata: MetadataStore;
  readonly contents: ContentStore;
  readonly staging: Staging;
  readonly inodes: InodeTable;
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

interface Waiting {
  /** By the monotonic clock. */
  readonly dueMs: number;
  readonly bytes: number;
}

/**
 * Turns staged contents into sealed ones, some time after their last writer has gone: hashes them,
 * puts them into the CAS, and points their inodes there. A batch at a time, the slow parts on
 * another thread. Whoever writes meanwhile wins: the content stays staged and waits anew.
 */
export class Promotion {
  readonly #metadata: MetadataStore;
  readonly #contents: ContentStore;
  readonly #staging: Staging;
  readonly #inodes: InodeTable;
  readonly #reclaimer: Reclaimer;
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #logger: Logger;
  readonly #waiting = new Map<StagedContent, Waiting>();
  #waitingBytes = 0;
  #timer: { readonly dueMs: number; readonly cancel: () => void } | undefined;
  #running: Promise<void> | undefined;

  constructor(options: PromotionOptions) {
    this.#metadata = options.metadata;
    this.#contents = options.contents;
    this.#staging = options.staging;
    this.#inodes = options.inodes;
    this.#reclaimer = options.reclaimer;
    this.#clock = options.clock;
    this.#scheduler = options.scheduler;
    this.#logger = options.logger;
    this.#staging.whenSuperseded((staged) => this.supersede(staged));
  }

  get waiting(): { count: number; bytes: number } {
    return { count: this.#waiting.size, bytes: this.#waitingBytes };
  }

  /** The last writer of this content has gone. */
  enqueue(staged: StagedContent): void {
    if (staged.phase === "missing") return;
    const costMs = (staged.copiedBytes / COPIED_BYTES_A_SECOND) * 1000;
    this.#wait(staged, Math.min(QUIET_MS + costMs, LONGEST_QUIET_MS));
  }

  /** Another content has taken its place, and nothing refers to this one. */
  supersede(staged: StagedContent): void {
    this.dequeue(staged);
    this.#abandon(staged);
  }

  /** A writer came, or the content is gone. */
  dequeue(staged: StagedContent): void {
    this.#waitingBytes -= this.#waiting.get(staged)?.bytes ?? 0;
    this.#waiting.delete(staged);
  }

  /**
   * Seals this content now, unless somebody has it open for writing. Resolves when it is sealed, or
   * when it turned out that it can't be. Errors: `io-failure`, `no-space`.
   */
  async settle(staged: StagedContent): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    if (!this.#canSeal(staged)) return;
    this.dequeue(staged);
    await this.#run([staged]);
  }

  /** Seals all that waits now. Errors: as {@link settle}. */
  async settleAll(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    // What comes back, because somebody changed it meanwhile, doesn't count again.
    for (let left = this.#waiting.size; left > 0; ) {
      const batch = this.#takeBatch(Number.POSITIVE_INFINITY);
      if (batch.length === 0) return;
      left -= batch.length;
      await this.#run(batch);
      while (this.#running !== undefined) await this.#running;
    }
  }

  /** Seals all that nobody writes to, until done or until `deadlineMs` of the monotonic clock. */
  async drain(deadlineMs: number): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    while (this.#waiting.size > 0 && this.#clock.monotonicMs() < deadlineMs) {
      const before = this.#waiting.size;
      await this.#run(this.#takeBatch(Number.POSITIVE_INFINITY)).catch(() => undefined);
      if (this.#waiting.size >= before) break;
    }
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  get #isCrowded(): boolean {
    return this.#waiting.size > MOST_WAITING || this.#waitingBytes > MOST_WAITING_BYTES;
  }

  #wait(staged: StagedContent, delayMs: number): void {
    this.dequeue(staged);
    const bytes = staged.sizeBytes;
    this.#waiting.set(staged, { dueMs: this.#clock.monotonicMs() + delayMs, bytes });
    this.#waitingBytes += bytes;
    this.#arm(this.#isCrowded ? 0 : delayMs);
  }

  #arm(delayMs: number): void {
    if (this.#running !== undefined) return;
    const dueMs = this.#clock.monotonicMs() + delayMs;
    if (this.#timer !== undefined) {
      if (this.#timer.dueMs <= dueMs) return;
      this.#timer.cancel();
    }
    const cancel = this.#scheduler.after(delayMs, () => {
      this.#timer = undefined;
      // One batch at a time; the end of the running one arms the timer again.
      if (this.#running !== undefined) return;
      const batch = this.#takeBatch(this.#clock.monotonicMs());
      if (batch.length > 0) void this.#run(batch).catch(() => undefined);
      else this.#armForNext();
    });
    this.#timer = { dueMs, cancel };
  }

  #armForNext(): void {
    if (this.#waiting.size === 0) return;
    let next = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#waiting.values()) next = Math.min(next, dueMs);
    this.#arm(this.#isCrowded ? 0 : Math.max(1, next - this.#clock.monotonicMs()));
  }

  /** The contents that are due at this time, oldest first, up to a batch. */
  #takeBatch(nowMs: number): StagedContent[] {
    const batch: StagedContent[] = [];
    let bytes = 0;
    for (const [staged, { dueMs }] of this.#waiting) {
      if (!this.#staging.isCurrent(staged)) {
        this.dequeue(staged);
        this.#abandon(staged);
        continue;
      }
      if (dueMs > nowMs && !this.#isCrowded) continue;
      const fits = bytes === 0 || bytes + staged.sizeBytes <= BATCH_BYTES;
      if (batch.length === BATCH_FILES || !fits) break;
      batch.push(staged);
      bytes += staged.sizeBytes;
      this.dequeue(staged);
    }
    return batch;
  }

  /** One batch. Rejects when it failed; its contents wait for another try then. */
  #run(batch: readonly StagedContent[]): Promise<void> {
    const run = this.#promoteOrSplit(batch)
      .catch((error) => {
        this.#logger.error({ err: error, files: batch.length }, "contents can't be sealed now");
        throw error;
      })
      .finally(() => {
        this.#running = undefined;
        this.#armForNext();
      });
    this.#running = run.catch(() => undefined);
    return run;
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

  async #promote(batch: readonly StagedContent[]): Promise<void> {
    const changes = new Map(batch.map((staged) => [staged, staged.changes]));
    for (const staged of batch) if (staged.phase === "writable") staged.phase = "hashing";
    const hashes = await this.#hash(batch);
    const ready = batch.flatMap((staged) => {
      const hash = hashes.get(staged);
      const same = changes.get(staged) === staged.changes;
      if (hash !== undefined && same && this.#canSeal(staged)) return [{ staged, hash }];
      if (hash === undefined && same && this.#staging.isCurrent(staged)) this.#noteMissing(staged);
      else this.#requeue(staged, QUIET_MS);
      return [];
    });
    if (ready.length === 0) return;

    const pinned = ready.map(({ hash }) => hash);
    this.#reclaimer.pin(pinned);
    try {
      const sealed = await this.#seal(ready);
      this.#commit(ready, sealed);
    } finally {
      this.#reclaimer.unpin(pinned);
      this.#reclaimer.release(pinned);
    }
  }

  async #hash(batch: readonly StagedContent[]): Promise<Map<StagedContent, ContentHash>> {
    const withFile = batch.filter(({ hasFile }) => hasFile);
    const computed = await this.#contents.hash(withFile.map(({ id }) => id));
    const hashes = new Map<StagedContent, ContentHash>();
    for (const staged of batch) {
      const hash = staged.hasFile ? computed.get(staged.id) : EMPTY_HASH;
      if (hash !== undefined) hashes.set(staged, hash);
    }
    return hashes;
  }

  #seal(ready: readonly { staged: StagedContent; hash: ContentHash }[]): Promise<SealedContent[]> {
    const requests = ready.map(({ staged, hash }): SealRequest => {
      staged.phase = "frozen";
      return { id: staged.hasFile ? staged.id : undefined, hash, sizeBytes: staged.sizeBytes };
    });
    this.#metadata.announceContents(
      requests.map(({ hash, sizeBytes }) => ({ hash, sizeBytes, blocks: 0 })),
    );
    return this.#contents.seal(requests);
  }

  #commit(
    ready: readonly { staged: StagedContent; hash: ContentHash }[],
    sealed: readonly SealedContent[],
  ): void {
    const now = this.#clock.now();
    const commits = ready.flatMap(({ staged }, index) => {
      const content = sealed[index];
      if (content === undefined || !this.#staging.isCurrent(staged)) return [];
      return [{ ino: staged.ino, stagingId: staged.id, ...content, now }];
    });
    const unreferenced = this.#metadata.commitContents(commits);
    this.#reclaimer.release(unreferenced);
    const discarded: StagingId[] = [];
    for (const { staged } of ready) {
      if (staged.hasFile) discarded.push(staged.id);
      this.#staging.remove(staged);
    }
    this.#reclaimer.discard(discarded);
  }

  /** Damage. It stays visible as such, and another try would find nothing else. */
  #noteMissing(staged: StagedContent): void {
    const { ino, id } = staged;
    this.#logger.error({ ino, stagingId: id }, "a staged content is missing");
    staged.phase = "missing";
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
    if (!this.#hasWriters(staged)) this.#wait(staged, delayMs);
  }

  #canSeal(staged: StagedContent): boolean {
    if (staged.phase === "missing") return false;
    return this.#staging.isCurrent(staged) && !this.#hasWriters(staged);
  }

  #hasWriters({ ino }: StagedContent): boolean {
    const inode = this.#inodes.peek(ino);
    return inode !== undefined && (inode.writers > 0 || inode.copyUp !== undefined);
  }
}
