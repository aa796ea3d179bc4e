import type { Carrier } from "./carrier.js";
import { CHUNK_BYTES } from "./limits.js";
import { bytesFrame, type RequestId } from "./message.js";

/** Nobody grants so much; a sum beyond it would lose its last digits. */
const MOST_CREDIT = 2 ** 40;

/** The end of a stream where pieces leave, as far as the reader has granted them. */
export class Outlet {
  readonly #carrier: Carrier;
  #credit: number;
  #isStopped = false;
  #isAsked = false;
  #wake: (() => void) | undefined;

  constructor({ carrier, window }: { carrier: Carrier; window: number }) {
    this.#carrier = carrier;
    this.#credit = window;
  }

  /** The reader wants so much more. */
  grant(size: number): void {
    this.#credit = Math.min(MOST_CREDIT, this.#credit + size);
    this.#isAsked = true;
    this.#wake?.();
  }

  /** Nobody reads any more. */
  stop(): void {
    this.#isStopped = true;
    this.#wake?.();
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Waits for the first grant. False once it is stopped. */
  async asked(): Promise<boolean> {
    while (!this.#isAsked && !this.#isStopped) await this.#change();
    return !this.#isStopped;
  }

  /** Waits until something may leave, and says how much; 0 once it is stopped. */
  async room(): Promise<number> {
    while (!this.#isStopped) {
      if (this.#carrier.isFull) await this.#carrier.drained();
      else if (this.#credit > 0) return this.#credit;
      else await this.#change();
    }
    return 0;
  }

  /** Something leaves. */
  spend(size: number): void {
    this.#credit -= size;
  }

  /** Sends bytes, as fast as they are granted. False when it was stopped before their end. */
  async send(id: RequestId, bytes: Uint8Array): Promise<boolean> {
    for (let at = 0; at < bytes.length; ) {
      const room = await this.room();
      if (room === 0) return false;
      const piece = bytes.subarray(at, at + Math.min(room, CHUNK_BYTES));
      this.spend(piece.length);
      this.#carrier.send(bytesFrame(id, piece));
      at += piece.length;
    }
    return !this.#isStopped;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
