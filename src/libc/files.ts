import { bind, bindAsync, lastErrno } from "./library.js";
import { errnoError } from "./system-error.js";

// Offsets and sizes are int64 in C and exact doubles here: everything stays below 2^53.
const libcPread = bind<(fd: number, to: Uint8Array, size: number, at: number) => number>(
  "int64_t pread(int fd, void *to, size_t size, int64_t at)",
);
const libcPwrite = bind<(fd: number, from: Uint8Array, size: number, at: number) => number>(
  "int64_t pwrite(int fd, const void *from, size_t size, int64_t at)",
);
const libcLseek = bind<(fd: number, offset: number, whence: number) => number>(
  "int64_t lseek(int fd, int64_t offset, int whence)",
);
const libcFallocate = bind<(fd: number, mode: number, at: number, length: number) => number>(
  "int fallocate(int fd, int mode, int64_t at, int64_t length)",
);
const COPY_FILE_RANGE =
  "int64_t copy_file_range(int from, void *fromAt, int to, void *toAt, size_t size, unsigned int flags)";
type CopyFileRange = (
  from: number,
  fromAt: BigInt64Array,
  to: number,
  toAt: BigInt64Array,
  size: number,
  flags: number,
) => number;
const libcCopyFileRange = bind<CopyFileRange>(COPY_FILE_RANGE);
const libcCopyFileRangeLater = bindAsync<Parameters<CopyFileRange>>(COPY_FILE_RANGE);
const libcIoctl = bind<(fd: number, request: number, arg: number) => number>(
  "int ioctl(int fd, unsigned long request, int arg)",
);
const libcFlock = bind<(fd: number, operation: number) => number>(
  "int flock(int fd, int operation)",
);
const libcSyncfs = bindAsync<[fd: number]>("int syncfs(int fd)");

/** lseek(2): the two that look for data and holes. */
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

/** fallocate(2) modes. */
export const FALLOC_KEEP_SIZE = 0x01;
export const FALLOC_PUNCH_HOLE = 0x02;
export const FALLOC_ZERO_RANGE = 0x10;

/** ioctl_ficlone(2): _IOW(0x94, 9, int). */
const FICLONE = 0x40049409;

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;

export interface Span {
  readonly offset: number;
  readonly length: number;
}

/** pread(2) until `into` is full or the file ends; returns the bytes read. */
export function readAt(fd: number, { into, offset }: { into: Uint8Array; offset: number }): number {
  let done = libcPread(fd, into, into.length, offset);
  if (done === into.length || done === 0) return done;
  if (done < 0) throw errnoError(lastErrno(), { op: "pread" });
  while (done < into.length) {
    const rest = into.subarray(done);
    const count = libcPread(fd, rest, rest.length, offset + done);
    if (count < 0) throw errnoError(lastErrno(), { op: "pread" });
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** pwrite(2) until all of `from` is written, or nothing more goes and an error tells why. */
export function writeAt(fd: number, { from, offset }: { from: Uint8Array; offset: number }): void {
  let done = libcPwrite(fd, from, from.length, offset);
  while (done < from.length) {
    if (done < 0) throw errnoError(lastErrno(), { op: "pwrite" });
    const rest = from.subarray(done);
    const count = libcPwrite(fd, rest, rest.length, offset + done);
    done = count < 0 ? -1 : done + count;
  }
}

/** lseek(2) for data or holes. `undefined` when there is none at or after `offset` (ENXIO). */
export function seek(
  fd: number,
  { offset, whence }: { offset: number; whence: typeof SEEK_DATA | typeof SEEK_HOLE },
): number | undefined {
  const found = libcLseek(fd, offset, whence);
  if (found >= 0) return found;
  const error = errnoError(lastErrno(), { op: "lseek" });
  if (error.kind === "no-such-offset") return undefined;
  throw error;
}

/** fallocate(2). Errors: `no-space`, `not-supported`, `file-too-large`. */
export function allocate(fd: number, { mode, offset, length }: Span & { mode: number }): void {
  if (libcFallocate(fd, mode, offset, length) !== 0) {
    throw errnoError(lastErrno(), { op: "fallocate" });
  }
}

export interface CopySpan extends Span {
  readonly to: number;
  readonly toOffset: number;
}

/** One copy_file_range(2); returns the bytes copied, 0 at the end of the source. */
export function copyRange(fd: number, { to, offset, toOffset, length }: CopySpan): number {
  const from = BigInt64Array.of(BigInt(offset));
  const into = BigInt64Array.of(BigInt(toOffset));
  const copied = libcCopyFileRange(fd, from, to, into, length, 0);
  if (copied < 0) throw errnoError(lastErrno(), { op: "copy_file_range" });
  return copied;
}

/** {@link copyRange} on libuv's thread pool. */
export async function copyRangeLater(
  fd: number,
  { to, offset, toOffset, length }: CopySpan,
): Promise<number> {
  const from = BigInt64Array.of(BigInt(offset));
  const into = BigInt64Array.of(BigInt(toOffset));
  const copied = await libcCopyFileRangeLater(fd, from, to, into, length, 0);
  if (copied < 0) throw errnoError(-copied, { op: "copy_file_range" });
  // The kernel moved both offsets on; looking at them here also keeps their memory alive till now.
  return Number((from[0] ?? 0n) - BigInt(offset));
}

/** ioctl_ficlone(2): `to` shares all blocks of `from`. False where the file system can't. */
export function clone(from: number, to: number): boolean {
  return libcIoctl(to, FICLONE, from) === 0;
}

/** syncfs(2) on libuv's thread pool: everything of the file system that holds `fd`. */
export async function syncFileSystem(fd: number): Promise<void> {
  const result = await libcSyncfs(fd);
  if (result < 0) throw errnoError(-result, { op: "syncfs" });
}

/** flock(2), exclusive and without waiting: false when another process holds it. */
export function tryLock(fd: number): boolean {
  return tryFlock(fd, LOCK_EX);
}

/** flock(2), shared and without waiting: false when another process holds it exclusively. */
export function trySharedLock(fd: number): boolean {
  return tryFlock(fd, LOCK_SH);
}

function tryFlock(fd: number, operation: number): boolean {
  if (libcFlock(fd, operation | LOCK_NB) === 0) return true;
  const error = errnoError(lastErrno(), { op: "flock" });
  if (error.kind === "try-again") return false;
  throw error;
}
