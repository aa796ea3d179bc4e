import { OPCODE } from "../protocol/constants.js";
import * as attributes from "./attributes.js";
import type { Operation } from "./context.js";
import * as data from "./data.js";
import * as directories from "./directories.js";
import * as entries from "./entries.js";
import * as xattrs from "./xattrs.js";

/**
 * What we do for each opcode. What isn't here gets ENOSYS, which is an answer too: the kernel then
 * does without. It keeps locks itself (no GETLK, SETLK), writes back dirty pages on close without
 * asking us (no FLUSH), and never asks ACCESS, since it checks permissions itself. FORGET, INTERRUPT
 * and INIT are the session's.
 */
export const OPERATIONS: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  [OPCODE.LOOKUP, entries.lookup],
  [OPCODE.MKNOD, entries.mknod],
  [OPCODE.MKDIR, entries.mkdir],
  [OPCODE.SYMLINK, entries.symlink],
  [OPCODE.LINK, entries.link],
  [OPCODE.UNLINK, entries.unlink],
  [OPCODE.RMDIR, entries.rmdir],
  [OPCODE.RENAME, entries.rename],
  [OPCODE.RENAME2, entries.rename2],
  [OPCODE.READLINK, entries.readlink],
  [OPCODE.GETATTR, attributes.getattr],
  [OPCODE.SETATTR, attributes.setattr],
  [OPCODE.STATX, attributes.statx],
  [OPCODE.STATFS, attributes.statfs],
  [OPCODE.OPEN, data.open],
  [OPCODE.CREATE, data.create],
  [OPCODE.TMPFILE, data.tmpfile],
  [OPCODE.READ, data.read],
  [OPCODE.WRITE, data.write],
  [OPCODE.RELEASE, data.release],
  [OPCODE.FSYNC, data.fsync],
  [OPCODE.FALLOCATE, data.fallocate],
  [OPCODE.LSEEK, data.lseek],
  [OPCODE.COPY_FILE_RANGE, data.copyFileRange],
  [OPCODE.COPY_FILE_RANGE_64, data.copyFileRange64],
  [OPCODE.OPENDIR, directories.opendir],
  [OPCODE.READDIR, directories.readdir],
  [OPCODE.READDIRPLUS, directories.readdirplus],
  [OPCODE.RELEASEDIR, directories.releasedir],
  [OPCODE.FSYNCDIR, directories.fsyncdir],
  [OPCODE.GETXATTR, xattrs.getxattr],
  [OPCODE.LISTXATTR, xattrs.listxattr],
  [OPCODE.SETXATTR, xattrs.setxattr],
  [OPCODE.REMOVEXATTR, xattrs.removexattr],
]);
