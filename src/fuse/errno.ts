import { constants } from "node:os";
import { type ErrorKind, NexusError } from "../model/errors.js";

const { errno } = constants;

/** What a program sees of each kind of error: the outward edge of the mount. */
const ERRNO_OF_KIND = {
  "not-found": errno.ENOENT,
  "already-exists": errno.EEXIST,
  "not-a-directory": errno.ENOTDIR,
  "is-a-directory": errno.EISDIR,
  "directory-not-empty": errno.ENOTEMPTY,
  "access-denied": errno.EACCES,
  "not-permitted": errno.EPERM,
  "read-only": errno.EROFS,
  "invalid-path": errno.EINVAL,
  "invalid-encoding": errno.EILSEQ,
  "invalid-argument": errno.EINVAL,
  "name-too-long": errno.ENAMETOOLONG,
  "no-attribute": errno.ENODATA,
  "precondition-failed": errno.ECANCELED,
  "attribute-too-large": errno.E2BIG,
  "buffer-too-small": errno.ERANGE,
  "not-supported": errno.EOPNOTSUPP,
  "not-implemented": errno.ENOSYS,
  "cross-zone": errno.EXDEV,
  busy: errno.EBUSY,
  "text-busy": errno.ETXTBSY,
  "no-space": errno.ENOSPC,
  "quota-exceeded": errno.EDQUOT,
  "file-too-large": errno.EFBIG,
  "too-many-links": errno.EMLINK,
  "too-many-open-files": errno.ENFILE,
  "symlink-loop": errno.ELOOP,
  "bad-handle": errno.EBADF,
  stale: errno.ESTALE,
  interrupted: errno.EINTR,
  "try-again": errno.EAGAIN,
  "no-such-offset": errno.ENXIO,
  "out-of-memory": errno.ENOMEM,
  corrupt: errno.EIO,
  "io-failure": errno.EIO,
  "invalid-config": errno.EINVAL,
  "in-use": errno.EBUSY,
  closed: errno.ENOTCONN,
  internal: errno.EIO,
} satisfies Record<ErrorKind, number>;

/** The error number for anything that was thrown; EIO for what is no error of ours. */
export function errnoOf(error: unknown): number {
  return error instanceof NexusError ? errnoOfKind(error.kind) : errno.EIO;
}

export function errnoOfKind(kind: ErrorKind): number {
  return ERRNO_OF_KIND[kind];
}

/** What a host has too little of for this process: its log is where somebody learns which limit to raise. */
const SCARCE: readonly number[] = [errno.ENFILE, errno.ENOMEM];

/** Errors that are no answer to the program but trouble of ours, and so belong in the log. */
export function isTrouble(error: unknown): boolean {
  const number = errnoOf(error);
  return number === errno.EIO || SCARCE.includes(number);
}

/**
 * What setxattr(2) fails with instead of `try-again`: the kernel makes EOPNOTSUPP of EAGAIN there
 * (__vfs_setxattr_noperm in its fs/xattr.c), which would tell a worker that there are no claims; EBUSY tells it to
 * take another item.
 */
export const REFUSED_CLAIM: ErrorKind = "busy";

export const ENOSYS = errno.ENOSYS;
