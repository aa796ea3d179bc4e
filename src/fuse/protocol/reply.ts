import type { Attributes } from "../../model/attributes.js";
import { BLOCK_BYTES } from "../../model/attributes.js";
import type { Timestamp } from "../../model/timestamp.js";
import { OUT_HEADER_BYTES } from "./constants.js";

const TWO_32 = 0x1_0000_0000;

/**
 * Builds answers in one buffer, header first. The body grows by its fields, in the order of the
 * opcode's struct; each field is a multiple of 4 bytes, except `bytes`.
 */
export class Reply {
  readonly #words: Uint32Array;
  readonly #bytes: Buffer;
  #length = OUT_HEADER_BYTES;

  constructor(capacityBytes: number) {
    const buffer = new ArrayBuffer(OUT_HEADER_BYTES + capacityBytes);
    this.#bytes = Buffer.from(buffer);
    this.#words = new Uint32Array(buffer);
  }

  /** The whole message so far. */
  get buffer(): Buffer {
    return this.#bytes;
  }

  get length(): number {
    return this.#length;
  }

  /** Length of the body so far. */
  get bodyLength(): number {
    return this.#length - OUT_HEADER_BYTES;
  }

  /** Starts over with an empty body. */
  clear(): void {
    this.#length = OUT_HEADER_BYTES;
  }

  /** Where the next `length` bytes of the body will be: to read file contents right into place. */
  room(length: number): Buffer {
    return this.#bytes.subarray(this.#length, this.#length + length);
  }

  /** Counts bytes that were put into {@link room}. */
  advance(length: number): void {
    this.#length += length;
  }

  /** Writes the header: `errno` is 0, or minus the error number. */
  seal({
    uniqueLow,
    uniqueHigh,
    errno,
  }: {
    uniqueLow: number;
    uniqueHigh: number;
    errno: number;
  }): void {
    this.#words[0] = this.#length;
    this.#words[1] = errno;
    this.#words[2] = uniqueLow;
    this.#words[3] = uniqueHigh;
  }

  u32(value: number): void {
    this.#words[this.#length >>> 2] = value;
    this.#length += 4;
  }

  u16pair(first: number, second: number): void {
    this.u32((second << 16) | (first & 0xffff));
  }

  /** Also takes negative numbers, as two's complement. */
  u64(value: number): void {
    const high = Math.floor(value / TWO_32);
    this.u32(value - high * TWO_32);
    this.u32(high);
  }

  bytes(value: Uint8Array): void {
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** Fills up to a multiple of 8 bytes with zeros. */
  pad(): void {
    while ((this.#length & 7) !== 0) this.#bytes[this.#length++] = 0;
  }

  zeros(bytes: number): void {
    this.#bytes.fill(0, this.#length, this.#length + bytes);
    this.#length += bytes;
  }

  /** struct fuse_attr, 88 bytes. */
  attributes(attributes: Attributes): void {
    const { atime, mtime, ctime } = attributes;
    this.u64(attributes.ino);
    this.u64(attributes.sizeBytes);
    this.u64(attributes.blocks);
    this.u64(atime.sec);
    this.u64(mtime.sec);
    this.u64(ctime.sec);
    this.u32(atime.nsec);
    this.u32(mtime.nsec);
    this.u32(ctime.nsec);
    this.u32(attributes.mode);
    this.u32(attributes.nlink);
    this.u32(attributes.uid);
    this.u32(attributes.gid);
    this.u32(attributes.rdev);
    this.u32(BLOCK_BYTES);
    this.u32(0);
  }

  /** struct fuse_sx_time, 16 bytes. */
  statxTime({ sec, nsec }: Timestamp): void {
    this.u64(sec);
    this.u32(nsec);
    this.u32(0);
  }
}
