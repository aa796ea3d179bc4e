import { NexusError } from "../model/errors.js";
import type { FallocateRequest, OpenFlags, SetXattrRequest } from "../vfs/file-system.js";
import { FALLOCATE_MODE, FMODE_EXEC, O, XATTR_FLAG } from "./protocol/constants.js";

// The flags of Linux's calls in the words of the FileSystem, for every binding.

/** open(2)'s; `killSetId` comes beside them. */
export function openFlags(flags: number, { killSetId }: { killSetId: boolean }): OpenFlags {
  return {
    access: accessOf(flags),
    truncate: (flags & O.TRUNC) !== 0,
    noAtime: (flags & O.NOATIME) !== 0,
    killSetId,
  };
}

function accessOf(flags: number): OpenFlags["access"] {
  const mode = flags & O.ACCMODE;
  if (mode === O.WRONLY) return "write";
  if (mode === O.RDWR) return "both";
  return (flags & FMODE_EXEC) === 0 ? "read" : "execute";
}

/** Whether open(2) is to make the file, or fail. */
export function isExclusive(flags: number): boolean {
  return (flags & O.EXCL) !== 0;
}

/** Whether a file is opened for appending alone. Not to read, too: past its pages the kernel doesn't map a file. */
export function appendsOnly(flags: number): boolean {
  return (flags & (O.ACCMODE | O.APPEND)) === (O.WRONLY | O.APPEND);
}

/** setxattr(2)'s. */
export function setXattrMode(flags: number): SetXattrRequest["mode"] {
  const creates = (flags & XATTR_FLAG.CREATE) !== 0;
  const replaces = (flags & XATTR_FLAG.REPLACE) !== 0;
  if (creates && replaces) return "create and replace";
  return creates ? "create" : replaces ? "replace" : "any";
}

/** fallocate(2)'s. Errors: `not-supported`. */
export function fallocateMode(mode: number): FallocateRequest["mode"] {
  const { KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE } = FALLOCATE_MODE;
  switch (mode) {
    case 0:
      return "extend";
    case KEEP_SIZE:
      return "keep-size";
    case PUNCH_HOLE | KEEP_SIZE:
      return "punch-hole";
    case ZERO_RANGE:
      return "zero";
    case ZERO_RANGE | KEEP_SIZE:
      return "zero-keep-size";
    default:
      throw new NexusError("not-supported", `fallocate mode ${mode} is not supported`);
  }
}
