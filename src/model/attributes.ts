import type { Ino } from "./ids.js";
import type { Timestamp } from "./timestamp.js";

/** File type bits of `st_mode`, inode(7). */
export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;

export const S_ISUID = 0o4000;
export const S_ISGID = 0o2000;
export const S_IXGRP = 0o0010;

/** Everything of a mode that chmod(2) sets. */
export const PERMISSION_BITS = 0o7777;

/** Block size that stat and statfs report, and the size of a directory: as ext4 has it. */
export const BLOCK_BYTES = 4096;

/** Longest name of one directory entry, in bytes of UTF-8. */
export const NAME_MAX_BYTES = 255;

/** Largest value of an extended attribute; xattr(7). */
export const VALUE_MAX_BYTES = 64 * 1024;

/** What stat(2) tells of an inode. `mode` has the type bits; `blocks` counts 512 bytes each. */
export interface Attributes {
  readonly ino: Ino;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly sizeBytes: number;
  readonly blocks: number;
  readonly rdev: number;
  readonly atime: Timestamp;
  readonly mtime: Timestamp;
  readonly ctime: Timestamp;
  readonly btime: Timestamp;
}

export function isDirectory(mode: number): boolean {
  return (mode & S_IFMT) === S_IFDIR;
}

export function isRegular(mode: number): boolean {
  return (mode & S_IFMT) === S_IFREG;
}

export function isSymlink(mode: number): boolean {
  return (mode & S_IFMT) === S_IFLNK;
}

/**
 * The mode without the bits that the kernel takes away when somebody unprivileged changes a file:
 * set-user-id always, set-group-id only with group execute (without, it marked mandatory locking).
 * Source: chown(2), and `setattr_should_drop_suidgid` in the kernel.
 */
export function withoutSetId(mode: number): number {
  const dropped = (mode & S_IXGRP) !== 0 ? S_ISUID | S_ISGID : S_ISUID;
  return mode & ~dropped;
}
