/**
 * Numbers of the kernel's FUSE protocol. Source: include/uapi/linux/fuse.h of Linux 6.18 (protocol
 * 7.45), which keeps the names without the FUSE_ prefix.
 */

/** Minor versions of major 7 that we speak. */
export const MAJOR = 7;
export const OLDEST_MINOR = 31;
export const NEWEST_MINOR = 45;

export const OPCODE = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  READLINK: 5,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  SETXATTR: 21,
  GETXATTR: 22,
  LISTXATTR: 23,
  REMOVEXATTR: 24,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  GETLK: 31,
  SETLK: 32,
  SETLKW: 33,
  ACCESS: 34,
  CREATE: 35,
  INTERRUPT: 36,
  BMAP: 37,
  DESTROY: 38,
  IOCTL: 39,
  POLL: 40,
  NOTIFY_REPLY: 41,
  BATCH_FORGET: 42,
  FALLOCATE: 43,
  READDIRPLUS: 44,
  RENAME2: 45,
  LSEEK: 46,
  COPY_FILE_RANGE: 47,
  SETUPMAPPING: 48,
  REMOVEMAPPING: 49,
  SYNCFS: 50,
  TMPFILE: 51,
  STATX: 52,
  COPY_FILE_RANGE_64: 53,
} as const;

export type OpcodeName = keyof typeof OPCODE;

const NAMES = new Map<number, string>(Object.entries(OPCODE).map(([name, code]) => [code, name]));

/** For logs: the name of an opcode, or its number. */
export function opcodeName(opcode: number): string {
  return NAMES.get(opcode) ?? `opcode ${opcode}`;
}

/** Flags of INIT: bit numbers, since bits 32 and up travel in a second word. */
export const INIT_FLAG = {
  ASYNC_READ: 0,
  POSIX_LOCKS: 1,
  ATOMIC_O_TRUNC: 3,
  BIG_WRITES: 5,
  FLOCK_LOCKS: 10,
  DO_READDIRPLUS: 13,
  READDIRPLUS_AUTO: 14,
  ASYNC_DIO: 15,
  WRITEBACK_CACHE: 16,
  NO_OPEN_SUPPORT: 17,
  PARALLEL_DIROPS: 18,
  POSIX_ACL: 20,
  ABORT_ERROR: 21,
  MAX_PAGES: 22,
  CACHE_SYMLINKS: 23,
  NO_OPENDIR_SUPPORT: 24,
  EXPLICIT_INVAL_DATA: 25,
  HANDLE_KILLPRIV_V2: 28,
  SETXATTR_EXT: 29,
  INIT_EXT: 30,
} as const;

/** Bits of `valid` in SETATTR. */
export const FATTR = {
  MODE: 1 << 0,
  UID: 1 << 1,
  GID: 1 << 2,
  SIZE: 1 << 3,
  ATIME: 1 << 4,
  MTIME: 1 << 5,
  FH: 1 << 6,
  ATIME_NOW: 1 << 7,
  MTIME_NOW: 1 << 8,
  KILL_SUIDGID: 1 << 11,
} as const;

/** Bits of `open_flags` in the answers to OPEN, CREATE and OPENDIR. */
export const FOPEN = {
  DIRECT_IO: 1 << 0,
  KEEP_CACHE: 1 << 1,
  CACHE_DIR: 1 << 3,
} as const;

/** Bits of `open_flags` in OPEN and CREATE. */
export const OPEN_KILL_SUIDGID = 1 << 0;

/** Bits of `write_flags` in WRITE. */
export const WRITE_FLAG = { CACHE: 1 << 0, KILL_SUIDGID: 1 << 2 } as const;

/** What a daemon may say unasked, enum fuse_notify_code; it stands where an answer has its errno. */
export const NOTIFY = { INVAL_INODE: 2, INVAL_ENTRY: 3, STORE: 4 } as const;

/** open(2) flags as Linux numbers them on x86-64 and arm64. */
export const O = {
  ACCMODE: 0o3,
  WRONLY: 0o1,
  RDWR: 0o2,
  EXCL: 0o200,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  /** O_SYNC has it, too. */
  DSYNC: 0o10000,
  NOATIME: 0o1000000,
} as const;

/** Among the flags of open(2): the kernel opens a program to run it. __FMODE_EXEC in its include/linux/fs.h. */
export const FMODE_EXEC = 0x20;

/** renameat2(2) flags. */
export const RENAME_FLAG = { NOREPLACE: 1, EXCHANGE: 2, WHITEOUT: 4 } as const;

/** setxattr(2) flags. */
export const XATTR_FLAG = { CREATE: 1, REPLACE: 2 } as const;

/** lseek(2) whence. */
export const WHENCE = { DATA: 3, HOLE: 4 } as const;

/** fallocate(2) modes that we take. */
export const FALLOCATE_MODE = { KEEP_SIZE: 0x01, PUNCH_HOLE: 0x02, ZERO_RANGE: 0x10 } as const;

/** statx(2) mask bits: the basic ones, and the birth time. */
export const STATX_BASIC_STATS = 0x7ff;
export const STATX_BTIME = 0x800;

/** Bytes of struct fuse_in_header and fuse_out_header. */
export const IN_HEADER_BYTES = 40;
export const OUT_HEADER_BYTES = 16;
