import type { StagingId } from "../../../model/ids.js";
import type { Timestamp } from "../../../model/timestamp.js";

/** A staged content up to this size lives in memory, with the log to bring it back. */
export const SMALL_CONTENT_BYTES = 64 * 1024;

const FIRST_CAPACITY_BYTES = 256;

/** The bytes of a small staged content. Only applies changes; whoever makes one logs it first. */
export class SmallContent {
  readonly id: StagingId;
  mtime: Timestamp;
  /** It has bytes of which somebody was told that they survive a power failure. */
  isPromised = false;
  #buffer: Buffer;
  #sizeBytes = 0;

  constructor(id: StagingId, mtime: Timestamp) {
    this.id = id;
    this.mtime = mtime;
    this.#buffer = Buffer.alloc(0);
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** What it takes in memory. */
  get capacityBytes(): number {
    return this.#buffer.length;
  }

  /** The content itself, not a copy. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#sizeBytes);
  }

  read({ into, offset }: { into: Uint8Array; offset: number }): number {
    const end = Math.min(offset + into.length, this.#sizeBytes);
    if (end <= offset) return 0;
    into.set(this.#buffer.subarray(offset, end));
    return end - offset;
  }

  write({ from, offset }: { from: Uint8Array; offset: number }): void {
    const end = offset + from.length;
    this.#reserve(end);
    if (offset > this.#sizeBytes) this.#buffer.fill(0, this.#sizeBytes, offset);
    this.#buffer.set(from, offset);
    this.#sizeBytes = Math.max(this.#sizeBytes, end);
  }

  truncate(sizeBytes: number): void {
    this.#reserve(sizeBytes);
    if (sizeBytes > this.#sizeBytes) this.#buffer.fill(0, this.#sizeBytes, sizeBytes);
    this.#sizeBytes = sizeBytes;
  }

  /** The first write usually is the whole file, so it gets just its size; later ones double it. */
  #reserve(bytes: number): void {
    const have = this.#buffer.length;
    if (bytes <= have) return;
    const grown = have === 0 ? bytes : Math.max(bytes, have * 2, FIRST_CAPACITY_BYTES);
    const buffer = Buffer.allocUnsafeSlow(grown);
    buffer.set(this.bytes);
    this.#buffer = buffer;
  }
}
