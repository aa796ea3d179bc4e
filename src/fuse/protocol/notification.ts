import type { Ino } from "../../model/ids.js";
import { NOTIFY, OUT_HEADER_BYTES } from "./constants.js";

// What a daemon tells the kernel unasked: a header without a request's number, with the code where an answer
// has its errno; then the struct. Each begins with its length, so several can stand in one buffer.

const ATTRIBUTES_ONLY = -1n;

/** What the kernel keeps of an inode: its attributes, and the pages of these bytes. */
export interface InodeSpan {
  readonly ino: Ino;
  /** Undefined for the attributes alone. */
  readonly bytes?: { readonly offset: number; readonly length: number | "to the end" } | undefined;
}

/** struct fuse_notify_inval_inode_out: inode, offset, length. A length of 0 means all that follows. */
export function invalidateInode({ ino, bytes }: InodeSpan): Buffer {
  const message = notification(NOTIFY.INVAL_INODE, 24);
  message.writeBigUInt64LE(BigInt(ino), OUT_HEADER_BYTES);
  const offset = bytes === undefined ? ATTRIBUTES_ONLY : BigInt(bytes.offset);
  const length = bytes === undefined || bytes.length === "to the end" ? 0n : BigInt(bytes.length);
  message.writeBigInt64LE(offset, OUT_HEADER_BYTES + 8);
  message.writeBigInt64LE(length, OUT_HEADER_BYTES + 16);
  return message;
}

/**
 * struct fuse_notify_inval_entry_out: parent, length of the name, flags; then the name with a NUL. Without
 * FUSE_EXPIRE_ONLY, the entry is dropped instead of asked for again: an answer that is on its way from
 * before the change can't make a dropped one valid.
 */
export function invalidateEntry({ parent, name }: { parent: Ino; name: string }): Buffer {
  const bytes = Buffer.from(name, "utf8");
  const message = notification(NOTIFY.INVAL_ENTRY, 16 + bytes.length + 1);
  message.writeBigUInt64LE(BigInt(parent), OUT_HEADER_BYTES);
  message.writeUInt32LE(bytes.length, OUT_HEADER_BYTES + 8);
  bytes.copy(message, OUT_HEADER_BYTES + 16);
  return message;
}

/**
 * struct fuse_notify_store_out: inode, offset, size, padding; then the data. Beyond the end it makes the
 * file longer in the kernel's eyes, which nothing else does unasked.
 */
export function storeByte({
  ino,
  offset,
  byte,
}: {
  ino: Ino;
  offset: number;
  byte: number;
}): Buffer {
  const message = notification(NOTIFY.STORE, 24 + 1);
  message.writeBigUInt64LE(BigInt(ino), OUT_HEADER_BYTES);
  message.writeBigUInt64LE(BigInt(offset), OUT_HEADER_BYTES + 8);
  message.writeUInt32LE(1, OUT_HEADER_BYTES + 16);
  message.writeUInt8(byte, OUT_HEADER_BYTES + 24);
  return message;
}

function notification(code: number, bodyBytes: number): Buffer {
  const message = Buffer.alloc(OUT_HEADER_BYTES + bodyBytes);
  message.writeUInt32LE(message.length, 0);
  message.writeInt32LE(code, 4);
  return message;
}
