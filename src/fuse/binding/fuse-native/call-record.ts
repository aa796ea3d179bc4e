import { endianness } from "node:os";
import { readInt32 } from "../../../libc/memory.js";

/**
 * What the package's C side knows of a call and doesn't hand over: it gives each callback the record in which it
 * keeps the call (`fuse_thread_locals_t` in its fuse-native.c, version 2.2.6). Offsets are those of 64-bit Linux,
 * with the sizes of its `size_t`, `off_t` and `mode_t`.
 */
const OFFSET = { info: 48, mode: 80, atime: 104, mtime: 112 } as const;
const RECORD_BYTES = 176;

const IS_KNOWN =
  process.platform === "linux" && ["x64", "arm64"].includes(process.arch) && endianness() === "LE";

/** The modification time, in milliseconds, which the package drops; undefined where it can't be known. */
export function mtimeOf(record: Buffer, { atimeMs }: { atimeMs: number }): number | undefined {
  if (!isKnown(record) || Number(record.readBigInt64LE(OFFSET.atime)) !== atimeMs) return undefined;
  return Number(record.readBigInt64LE(OFFSET.mtime));
}

/** The flags with which a file is created, which the package drops; undefined where they can't be known. */
export function createFlagsOf(record: Buffer, { mode }: { mode: number }): number | undefined {
  if (!isKnown(record) || record.readUInt32LE(OFFSET.mode) !== mode) return undefined;
  const info = record.readBigUInt64LE(OFFSET.info);
  // struct fuse_file_info begins with the flags of open(2).
  return info === 0n ? undefined : readInt32(info);
}

/** `struct fuse_file_info` of libfuse 2.9. */
const INFO = { flags: 0, writepage: 16, file: 24 } as const;

/**
 * The flags of whoever writes to an open file, as they are now, which the package drops; none for the pages of a
 * mapping, which nobody writes. Undefined where they can't be known.
 */
export function writeFlagsOf(record: Buffer, { file }: { file: number }): number | undefined {
  if (!isKnown(record)) return undefined;
  const info = record.readBigUInt64LE(OFFSET.info);
  if (info === 0n || readInt32(info + BigInt(INFO.file)) !== file) return undefined;
  const isPage = readInt32(info + BigInt(INFO.writepage)) !== 0;
  return isPage ? 0 : readInt32(info + BigInt(INFO.flags));
}

/** What is known of the call as well is compared by who asks, so that another layout isn't misread. */
function isKnown(record: Buffer): boolean {
  return IS_KNOWN && record.length >= RECORD_BYTES;
}
