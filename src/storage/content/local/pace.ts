import { setTimeout } from "node:timers/promises";

/** Less isn't worth a timer. */
const SHORTEST_PAUSE_MS = 10;
/** What was missed, because the disk was slow or the machine asleep, isn't caught up with. */
const MOST_BEHIND_MS = 500;

/** Holds somebody back so that he has no more than so many bytes a second. */
export class Pace {
  readonly #bytesPerMs: number;
  readonly #signal: AbortSignal;
  /** When the bytes so far should have taken until now. */
  #dueMs = performance.now();

  constructor({ bytesPerSecond, signal }: { bytesPerSecond: number; signal: AbortSignal }) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#signal = signal;
  }

  /** Resolves when so many more may have been read. Errors: `AbortError` of the signal. */
  async keep(bytes: number): Promise<void> {
    this.#signal.throwIfAborted();
    const nowMs = performance.now();
    this.#dueMs = Math.max(this.#dueMs, nowMs - MOST_BEHIND_MS) + bytes / this.#bytesPerMs;
    const aheadMs = this.#dueMs - nowMs;
    if (aheadMs < SHORTEST_PAUSE_MS) return;
    await setTimeout(aheadMs, undefined, { signal: this.#signal });
  }
}
