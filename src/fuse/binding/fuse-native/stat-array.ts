import type { Attributes } from "../../../model/attributes.js";
import { BLOCK_BYTES } from "../../../model/attributes.js";
import { type Ino, isVirtual } from "../../../model/ids.js";
import type { Timestamp } from "../../../model/timestamp.js";
import type { FileSystemStat } from "../../../vfs/file-system.js";
import type { ListedName } from "./path-calls.js";

// What the package's C side reads of an answer: unsigned 32-bit numbers in the order of `populate_stat` and
// `populate_statvfs` in its fuse-native.c.

const TWO_TO_32 = 2 ** 32;
/** The last 2^28 numbers are those of virtual inodes, which are beyond 32 bits by themselves. */
const VIRTUAL = 0xf000_0000;
const VIRTUAL_COUNT = 2 ** 28;
const MOST_IN_32_BITS = TWO_TO_32 - 1;

/** `struct stat`: times in whole milliseconds, none before 1970; inode numbers and links in 32 bits. */
export function statArray(attributes: Attributes): Uint32Array {
  const { mode, uid, gid, sizeBytes, nlink, ino, rdev, blocks, atime, mtime, ctime } = attributes;
  return Uint32Array.of(
    ...[mode, uid, gid, ...halves(sizeBytes)],
    0, // the device of the file system is the kernel's
    ...[Math.min(nlink, MOST_IN_32_BITS), inoOf(ino), rdev, BLOCK_BYTES, ...halves(blocks)],
    ...[atime, mtime, ctime].flatMap((time) => halves(wholeMs(time))),
  );
}

/** The same for an entry of a listing: only the inode and the type count. */
export function listedArray({ mode, ino }: Pick<ListedName, "mode" | "ino">): Uint32Array {
  const ints = new Uint32Array(18);
  ints[0] = mode;
  ints[7] = inoOf(ino);
  return ints;
}

/** `struct statvfs`, in blocks so large that 32 bits count them. */
export function statvfsArray(stat: FileSystemStat): Uint32Array {
  const scale = 2 ** Math.max(0, Math.ceil(Math.log2((stat.blocks + 1) / TWO_TO_32)));
  const scaled = (blocks: number) => Math.floor(blocks / scale);
  const few = (count: number) => Math.min(count, MOST_IN_32_BITS);
  return Uint32Array.of(
    ...[stat.blockBytes, stat.blockBytes * scale],
    ...[stat.blocks, stat.blocksFree, stat.blocksAvailable].map(scaled),
    ...[few(stat.files), few(stat.filesFree), few(stat.filesFree)],
    ...[0, 0, stat.nameMaxBytes],
  );
}

/** Where a call failed the C side reads one, too, and nobody looks at it. */
export const NO_STAT = new Uint32Array(18);

function inoOf(ino: number): number {
  return isVirtual(ino as Ino) ? VIRTUAL + (ino % VIRTUAL_COUNT) : ino;
}

function halves(count: number): [low: number, high: number] {
  return [count % TWO_TO_32, Math.floor(count / TWO_TO_32)];
}

function wholeMs({ sec, nsec }: Timestamp): number {
  return Math.max(0, sec * 1000 + Math.floor(nsec / 1e6));
}
