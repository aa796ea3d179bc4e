import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";
import { type ErrorDetails, type ErrorKind, NexusError } from "../model/errors.js";

/**
 * What the host's errors mean to us. This is the inward edge; the outward one, from kind to errno,
 * is `fuse/errno.ts`. What is not listed is an I/O failure of the host.
 */
const KIND_OF_CODE: Readonly<Record<string, ErrorKind>> = {
  ENOENT: "not-found",
  EEXIST: "already-exists",
  ENOTDIR: "not-a-directory",
  EISDIR: "is-a-directory",
  ENOTEMPTY: "directory-not-empty",
  EACCES: "access-denied",
  EPERM: "not-permitted",
  EROFS: "read-only",
  EINVAL: "invalid-argument",
  ENAMETOOLONG: "name-too-long",
  EOPNOTSUPP: "not-supported",
  ENOTSUP: "not-supported",
  ENOSYS: "not-supported",
  ENOTTY: "not-supported",
  EXDEV: "cross-zone",
  EBUSY: "busy",
  ETXTBSY: "text-busy",
  ENOSPC: "no-space",
  EDQUOT: "quota-exceeded",
  EFBIG: "file-too-large",
  EMLINK: "too-many-links",
  EMFILE: "too-many-open-files",
  ENFILE: "too-many-open-files",
  ELOOP: "symlink-loop",
  EBADF: "bad-handle",
  ESTALE: "stale",
  EINTR: "interrupted",
  EAGAIN: "try-again",
  EWOULDBLOCK: "try-again",
  ENXIO: "no-such-offset",
  ENOMEM: "out-of-memory",
};

const CODE_OF_ERRNO: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([code, errno]) => [errno, code]),
);

const WORDS_OF_CODE: ReadonlyMap<string, string> = new Map(getSystemErrorMap().values());

/** The error for an errno that a call of the C library left. */
export function errnoError(errno: number, details: ErrorDetails & { op: string }): NexusError {
  const code = CODE_OF_ERRNO.get(errno) ?? `errno ${errno}`;
  return codeError(code, details);
}

/**
 * The same for what Node's own `fs` throws; anything else than a system error is returned inside
 * an `internal` error.
 */
export function fsError(error: unknown, details: ErrorDetails & { op: string }): NexusError {
  if (error instanceof NexusError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (typeof code !== "string") {
    return new NexusError("internal", `${details.op} failed`, { ...details, cause: error });
  }
  return codeError(code, { ...details, cause: error });
}

/** `pwrite /data/x: no space left on device (ENOSPC)`: in words for people, and by its name for who looks it up. */
function codeError(code: string, details: ErrorDetails & { op: string }): NexusError {
  const where = details.path === undefined ? "" : ` ${details.path}`;
  const words = WORDS_OF_CODE.get(code);
  const reason = words === undefined ? code : `${words} (${code})`;
  return new NexusError(
    KIND_OF_CODE[code] ?? "io-failure",
    `${details.op}${where}: ${reason}`,
    details,
  );
}
