import { DRAINED_BYTES, FULL_BYTES, MOST_WAITING_BYTES } from "./limits.js";

/** Counts what was sent on a carrier and not taken yet, and tells those who wait for room. */
export class Departures {
  #waitingBytes = 0;
  #isFull = false;
  #isClosed = false;
  #waiters: (() => void)[] = [];

  get isFull(): boolean {
    return this.#isFull;
  }

  /** So much waits that the other side can't be reading. */
  get isTooMuch(): boolean {
    return this.#waitingBytes > MOST_WAITING_BYTES;
  }

  sent(bytes: number): void {
    this.#waitingBytes += bytes;
    if (this.#waitingBytes > FULL_BYTES) this.#isFull = !this.#isClosed;
  }

  taken(bytes: number): void {
    this.#waitingBytes -= bytes;
    if (this.#waitingBytes <= DRAINED_BYTES) this.#release();
  }

  close(): void {
    this.#isClosed = true;
    this.#release();
  }

  drained(): Promise<void> {
    if (!this.#isFull) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #release(): void {
    this.#isFull = false;
    for (const resolve of this.#waiters.splice(0)) resolve();
  }
}
