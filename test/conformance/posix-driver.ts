import { constants as fsConstants } from "node:fs";
import { constants as osConstants } from "node:os";
import type { Timestamp } from "../../src/model/timestamp.js";

/**
 * The system calls that the POSIX cases are written in. One driver makes them in this process, over
 * the FileSystem interface; the other one makes them for real, on a directory.
 *
 * A path is relative to the driver's root; bytes where it isn't UTF-8. A call that fails rejects
 * with a {@link PosixError}. What a call does is said by its man page.
 */
export interface PosixDriver {
  open(path: PosixPath, request: OpenRequest): Promise<number>;
  /** `path` is relative to the open directory `at`. */
  openat(at: number, request: OpenRequest & { path: string }): Promise<number>;
  close(fd: number): Promise<void>;
  read(fd: number, length: number): Promise<Buffer>;
  pread(fd: number, span: Span): Promise<Buffer>;
  write(fd: number, data: Uint8Array): Promise<number>;
  pwrite(fd: number, request: { offset: number; data: Uint8Array }): Promise<number>;
  /** With the flags of {@link RWF}. */
  pwritev2(fd: number, request: WriteFlagsRequest): Promise<number>;
  /** fcntl(2), F_SETFL: of the flags only O_APPEND counts here. */
  setStatusFlags(fd: number, flags: number): Promise<void>;
  lseek(fd: number, request: { offset: number; whence: Whence }): Promise<number>;
  truncate(path: PosixPath, sizeBytes: number): Promise<void>;
  ftruncate(fd: number, sizeBytes: number): Promise<void>;
  fallocate(fd: number, request: Span & { mode: number }): Promise<void>;
  /** Without an offset a descriptor's own position counts, and moves. */
  copyFileRange(fd: number, request: CopyRequest): Promise<number>;
  fsync(fd: number): Promise<void>;
  fdatasync(fd: number): Promise<void>;
  /** posix_fadvise(2), POSIX_FADV_DONTNEED: the next read asks the file system itself. */
  dropCache(fd: number): Promise<void>;

  stat(path: PosixPath): Promise<Stat>;
  lstat(path: PosixPath): Promise<Stat>;
  fstat(fd: number): Promise<Stat>;
  /** Only existence can be asked of the driver in this process. */
  access(path: PosixPath, mode: number): Promise<void>;
  statvfs(path: PosixPath): Promise<StatVfs>;
  chmod(path: PosixPath, mode: number): Promise<void>;
  fchmod(fd: number, mode: number): Promise<void>;
  chown(path: PosixPath, owner: Owner): Promise<void>;
  lchown(path: PosixPath, owner: Owner): Promise<void>;
  fchown(fd: number, owner: Owner): Promise<void>;
  utimensat(path: PosixPath, times: Times & { follow?: boolean }): Promise<void>;
  futimens(fd: number, times: Times): Promise<void>;
  /** Sets the mask of this process and returns the one before. */
  umask(mask: number): number;

  mkdir(path: PosixPath, mode?: number): Promise<void>;
  rmdir(path: PosixPath): Promise<void>;
  unlink(path: PosixPath): Promise<void>;
  rename(from: PosixPath, to: PosixPath): Promise<void>;
  renameat2(from: PosixPath, request: { to: PosixPath; flags: number }): Promise<void>;
  link(from: PosixPath, to: PosixPath): Promise<void>;
  /** linkat(2) of an open file, through /proc/self/fd as open(2) describes it for O_TMPFILE. */
  flink(fd: number, to: PosixPath): Promise<void>;
  symlink(target: PosixPath, path: PosixPath): Promise<void>;
  readlink(path: PosixPath): Promise<Buffer>;
  mknod(path: PosixPath, request: { mode: number } & Partial<Device>): Promise<void>;
  /** The next entries of an open directory, as many as fit into so many bytes; none at the end. */
  getdents64(fd: number, bytes: number): Promise<DirectoryEntry[]>;
  /** Goes on after the entry with this cookie; 0 starts over. */
  seekdir(fd: number, cookie: bigint): Promise<void>;

  getxattr(path: PosixPath, request: XattrRequest & { size?: number }): Promise<Buffer>;
  fgetxattr(fd: number, name: string): Promise<Buffer>;
  setxattr(path: PosixPath, request: SetXattrRequest): Promise<void>;
  fsetxattr(fd: number, request: SetXattrRequest): Promise<void>;
  listxattr(path: PosixPath, request?: { size?: number; follow?: boolean }): Promise<string[]>;
  removexattr(path: PosixPath, name: string): Promise<void>;
  fremovexattr(fd: number, name: string): Promise<void>;
}

export type PosixPath = string | Uint8Array;

export interface OpenRequest {
  readonly flags: number;
  readonly mode?: number;
}

export interface Span {
  readonly offset: number;
  readonly length: number;
}

export interface WriteFlagsRequest {
  readonly offset: number;
  readonly data: Uint8Array;
  readonly flags: number;
}

export type Whence = "set" | "current" | "end" | "data" | "hole";

export interface CopyRequest {
  readonly offset?: number;
  readonly to: number;
  readonly toOffset?: number;
  readonly length: number;
}

/** `blocks` counts 512 bytes each. */
export interface Stat {
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly blocks: number;
  readonly rdev: Device;
  readonly atime: Timestamp;
  readonly mtime: Timestamp;
  readonly ctime: Timestamp;
  /** Where the file system has one. */
  readonly btime: Timestamp | undefined;
}

export interface Device {
  readonly major: number;
  readonly minor: number;
}

export interface StatVfs {
  readonly bsize: number;
  readonly frsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
  readonly namemax: number;
}

/** What is left out stays. */
export interface Owner {
  readonly uid?: number;
  readonly gid?: number;
}

/** `now` is UTIME_NOW; what is left out is UTIME_OMIT. */
export interface Times {
  readonly atime?: Timestamp | "now";
  readonly mtime?: Timestamp | "now";
}

export interface DirectoryEntry {
  readonly name: string;
  readonly ino: number;
  readonly type: number;
  readonly cookie: bigint;
}

export interface XattrRequest {
  readonly name: string;
  /** False for the symlink itself: lgetxattr(2) and so on. */
  readonly follow?: boolean;
}

export interface SetXattrRequest extends XattrRequest {
  readonly value: Uint8Array;
  readonly flags?: number;
}

/** open(2). Node knows the numbers of this machine, but for O_PATH and O_TMPFILE. */
export const O = {
  RDONLY: fsConstants.O_RDONLY,
  WRONLY: fsConstants.O_WRONLY,
  RDWR: fsConstants.O_RDWR,
  CREAT: fsConstants.O_CREAT,
  EXCL: fsConstants.O_EXCL,
  TRUNC: fsConstants.O_TRUNC,
  APPEND: fsConstants.O_APPEND,
  DIRECTORY: fsConstants.O_DIRECTORY,
  NOFOLLOW: fsConstants.O_NOFOLLOW,
  NOATIME: fsConstants.O_NOATIME,
  SYNC: fsConstants.O_SYNC,
  DSYNC: fsConstants.O_DSYNC,
  NONBLOCK: fsConstants.O_NONBLOCK,
  PATH: 0o10000000,
  TMPFILE: 0o20000000 | fsConstants.O_DIRECTORY,
} as const;

export const O_ACCMODE = 0o3;

/** `d_type`, readdir(3). */
export const DT = { FIFO: 1, CHR: 2, DIR: 4, BLK: 6, REG: 8, LNK: 10, SOCK: 12 } as const;

/** renameat2(2). */
export const RENAME = { NOREPLACE: 1, EXCHANGE: 2, WHITEOUT: 4 } as const;

/** pwritev2(2). */
export const RWF = { DSYNC: 0x2, SYNC: 0x4, APPEND: 0x10, NOAPPEND: 0x20 } as const;

/** setxattr(2). */
export const XATTR = { CREATE: 1, REPLACE: 2 } as const;

/** fallocate(2). */
export const FALLOC = {
  KEEP_SIZE: 0x01,
  PUNCH_HOLE: 0x02,
  COLLAPSE_RANGE: 0x08,
  ZERO_RANGE: 0x10,
  INSERT_RANGE: 0x20,
} as const;

/** access(2). */
export const F_OK = 0;
export const X_OK = 1;
export const W_OK = 2;
export const R_OK = 4;

/** A system call that failed, with the name of its errno. */
export class PosixError extends Error {
  readonly code: string;

  constructor(call: string, code: string, options?: ErrorOptions) {
    super(`${call}: ${code}`, options);
    this.name = "PosixError";
    this.code = code;
  }
}

/** Numbers that have two names are called by the one that man pages use for files. */
const SECOND_NAMES = new Set(["EWOULDBLOCK", "ENOTSUP"]);

const CODE_OF_ERRNO: ReadonlyMap<number, string> = new Map(
  Object.entries(osConstants.errno)
    .filter(([code]) => !SECOND_NAMES.has(code))
    .map(([code, errno]) => [errno, code]),
);

/** The name of an errno: `ENOENT`. */
export function errnoCode(errno: number): string {
  return CODE_OF_ERRNO.get(errno) ?? `errno ${errno}`;
}
