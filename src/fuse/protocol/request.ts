import { isUtf8 } from "node:buffer";
import { NexusError } from "../../model/errors.js";
import type { Ino } from "../../model/ids.js";
import type { Timestamp } from "../../model/timestamp.js";
import { IN_HEADER_BYTES } from "./constants.js";

const TWO_32 = 0x1_0000_0000;

/** A request that isn't what its header or its opcode says: answered EIO, never trusted. */
export class MalformedRequest extends NexusError {
  constructor(message: string) {
    super("io-failure", `malformed FUSE request: ${message}`);
    this.name = "MalformedRequest";
  }
}

/**
 * Reads requests out of the one buffer that the kernel writes them into. `load` looks at the header;
 * the fields of the body are read by their offset in the opcode's struct (`body.u32(0)` is its first
 * word). What would lie outside of the request throws {@link MalformedRequest}.
 *
 * Words are little-endian, as on every machine that Node runs FUSE on. 64-bit fields become doubles:
 * exact below 2^53, and beyond that no file, inode or offset of ours exists.
 */
export class Request {
  readonly #words: Uint32Array;
  readonly #bytes: Buffer;
  #length = 0;

  constructor(buffer: ArrayBuffer) {
    this.#bytes = Buffer.from(buffer);
    this.#words = new Uint32Array(buffer);
  }

  /** What to read the next request into. */
  get buffer(): Buffer {
    return this.#bytes;
  }

  /** Takes the first `length` bytes as a request. Errors: {@link MalformedRequest}. */
  load(length: number): void {
    this.#length = length;
    if (length < IN_HEADER_BYTES) throw new MalformedRequest(`${length} bytes are no header`);
    const declared = this.#word(0);
    if (declared !== length) {
      this.#length = IN_HEADER_BYTES;
      throw new MalformedRequest(`${length} bytes, where the header says ${declared}`);
    }
  }

  get opcode(): number {
    return this.#word(1);
  }

  /** The two words of the number that the answer must carry. */
  get uniqueLow(): number {
    return this.#word(2);
  }

  get uniqueHigh(): number {
    return this.#word(3);
  }

  /** The same as one number, to tell requests apart: the kernel counts from 2 in steps of 2. */
  get unique(): number {
    return this.uniqueHigh * TWO_32 + this.uniqueLow;
  }

  get nodeid(): Ino {
    return (this.#word(5) * TWO_32 + this.#word(4)) as Ino;
  }

  get uid(): number {
    return this.#word(6);
  }

  get gid(): number {
    return this.#word(7);
  }

  get pid(): number {
    return this.#word(8);
  }

  /** Length of the body, in bytes. */
  get bodyLength(): number {
    return this.#length - IN_HEADER_BYTES;
  }

  /** Requires a body of at least so many bytes, so that its fields can be read. */
  need(bytes: number): void {
    if (this.bodyLength < bytes) {
      throw new MalformedRequest(`a body of ${this.bodyLength} bytes, ${bytes} needed`);
    }
  }

  /** A 32-bit field of the body, by its offset in bytes (a multiple of 4). */
  u32(offset: number): number {
    this.need(offset + 4);
    return this.#word((IN_HEADER_BYTES + offset) >>> 2);
  }

  u64(offset: number): number {
    this.need(offset + 8);
    const at = (IN_HEADER_BYTES + offset) >>> 2;
    return this.#word(at + 1) * TWO_32 + this.#word(at);
  }

  /** A signed 64-bit field. */
  i64(offset: number): number {
    this.need(offset + 8);
    const at = (IN_HEADER_BYTES + offset) >>> 2;
    return (this.#word(at + 1) | 0) * TWO_32 + this.#word(at);
  }

  /**
   * Seconds and nanoseconds from their two places in the struct. A moment that a double doesn't hold
   * exactly becomes the last (the first) one that it does, as the kernel does for file systems with a
   * narrower range than its own (timestamp_truncate()): utimensat(2) takes any 64 bits.
   */
  timestamp(secOffset: number, nsecOffset: number): Timestamp {
    const nsec = this.u32(nsecOffset);
    if (nsec > 999_999_999) throw new MalformedRequest(`${nsec} nanoseconds`);
    const sec = this.i64(secOffset);
    if (Number.isSafeInteger(sec)) return { sec, nsec };
    return { sec: sec < 0 ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER, nsec: 0 };
  }

  /**
   * The body of BATCH_FORGET, struct fuse_batch_forget_in: inodes, each with the look-ups that are forgotten after it.
   * It is the caller's. Errors: {@link MalformedRequest} when there are fewer than it says.
   */
  forgotten(): Float64Array {
    const count = this.u32(0);
    this.need(8 + count * 16);
    return Float64Array.from({ length: count * 2 }, (_, index) => this.u64(8 + index * 8));
  }

  /** So many bytes of the body, in place: valid until the next request is read. */
  bytes(offset: number, length: number): Buffer {
    this.need(offset + length);
    const start = IN_HEADER_BYTES + offset;
    return this.#bytes.subarray(start, start + length);
  }

  /**
   * A NUL-terminated name at this offset of the body. `invalid-encoding` when it isn't UTF-8.
   */
  name(offset: number): string {
    const raw = this.rawName(offset);
    if (!isUtf8(raw)) throw new NexusError("invalid-encoding", "a name must be valid UTF-8");
    return raw.toString("utf8");
  }

  /** The same without looking at its encoding. */
  rawName(offset: number): Buffer {
    const start = IN_HEADER_BYTES + offset;
    const end = this.#bytes.indexOf(0, start);
    if (end < start || end >= this.#length) throw new MalformedRequest("an unterminated name");
    return this.#bytes.subarray(start, end);
  }

  #word(index: number): number {
    return this.#words[index] as number;
  }
}
