import type { StagedContent } from "./staged-content.js";

const BATCH_FILES = 256;
const BATCH_BYTES = 256 * 1024 * 1024;
/** With more than this waiting, the oldest go without further delay. Large ones don't count. */
const MOST_WAITING = 20_000;
const MOST_WAITING_BYTES = 1024 * 1024 * 1024;

/**
 * Whether a content is more than a whole batch: hashing it takes from a fraction of a second to
 * hours (a sparse file has up to 16 TiB), so nothing else may have to wait for that.
 */
export function isLarge({ sizeBytes }: StagedContent): boolean {
  return sizeBytes > BATCH_BYTES;
}

/** What is hashed, sealed and committed together. */
export class ContentBatch {
  readonly #contents = new Set<StagedContent>();
  #bytes = 0;
  #isTaken = false;

  /** Puts a content of that size in, if it isn't. False when there is no room, or the batch was taken. */
  add(staged: StagedContent, bytes: number): boolean {
    if (this.#isTaken) return false;
    if (this.#contents.has(staged)) return true;
    if (this.#contents.size === BATCH_FILES || this.#bytes + bytes > BATCH_BYTES) return false;
    this.#contents.add(staged);
    this.#bytes += bytes;
    return true;
  }

  /** Nothing more gets in. */
  take(): StagedContent[] {
    this.#isTaken = true;
    const contents = [...this.#contents];
    // Whoever keeps the batch keeps no contents.
    this.#contents.clear();
    return contents;
  }
}

interface Waiting {
  /** By the monotonic clock. */
  readonly dueMs: number;
  readonly bytes: number;
}

/**
 * The contents that wait to be sealed, each until its time has come. Two lanes: large ones are taken
 * one at a time, all others in batches.
 */
export class PromotionQueue {
  readonly #others = new Map<StagedContent, Waiting>();
  readonly #large = new Map<StagedContent, Waiting>();
  #otherBytes = 0;

  /** How many wait that aren't large. */
  get size(): number {
    return this.#others.size;
  }

  get large(): StagedContent[] {
    return [...this.#large.keys()];
  }

  get isCrowded(): boolean {
    return this.#others.size > MOST_WAITING || this.#otherBytes > MOST_WAITING_BYTES;
  }

  /** Puts it at the end, with the size that it has now. */
  add(staged: StagedContent, dueMs: number): void {
    this.delete(staged);
    const bytes = staged.sizeBytes;
    if (isLarge(staged)) {
      this.#large.set(staged, { dueMs, bytes });
    } else {
      this.#others.set(staged, { dueMs, bytes });
      this.#otherBytes += bytes;
    }
  }

  delete(staged: StagedContent): void {
    this.#otherBytes -= this.#others.get(staged)?.bytes ?? 0;
    this.#others.delete(staged);
    this.#large.delete(staged);
  }

  /** Takes what is due at this time, oldest first, up to a batch. */
  takeBatch(nowMs: number): StagedContent[] {
    const batch = new ContentBatch();
    for (const [staged, { dueMs, bytes }] of this.#others) {
      if (dueMs > nowMs && !this.isCrowded) continue;
      if (!batch.add(staged, bytes)) break;
      this.delete(staged);
    }
    return batch.take();
  }

  /** Takes the large one that is due at this time and waits longest. */
  takeLarge(nowMs: number): StagedContent | undefined {
    for (const [staged, { dueMs }] of this.#large) {
      if (dueMs > nowMs) continue;
      this.delete(staged);
      return staged;
    }
    return undefined;
  }

  /** When the next batch is due; Infinity when nothing waits. */
  get nextBatchMs(): number {
    return this.isCrowded ? 0 : earliest(this.#others);
  }

  get nextLargeMs(): number {
    return earliest(this.#large);
  }
}

function earliest(lane: ReadonlyMap<StagedContent, Waiting>): number {
  let earliestMs = Number.POSITIVE_INFINITY;
  for (const { dueMs } of lane.values()) earliestMs = Math.min(earliestMs, dueMs);
  return earliestMs;
}
