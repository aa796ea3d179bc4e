import { type ErrorKind, NexusError } from "../model/errors.js";
import { fsError } from "./system-error.js";

/** What a host says no with, in words that complete "can't be used: ...". */
const REASONS: Partial<Record<ErrorKind, string>> = {
  "access-denied": "permission denied",
  "not-permitted": "the operation is not permitted",
  "read-only": "its file system is read-only",
  "not-found": "there is no such directory",
  "already-exists": "a part of its path is not a directory",
  "not-a-directory": "a part of its path is not a directory",
  "no-space": "its disk is full",
  "quota-exceeded": "the disk quota is used up",
  "name-too-long": "its name is too long",
  "symlink-loop": "its path is a loop of symlinks",
};

/**
 * The error for a place that somebody named and the host refuses. `what` begins the sentence ("the
 * data directory /srv can't be used") and `advice` ends it. Keeps the kind of the host's error.
 */
export function refusal(
  error: unknown,
  { what, advice, path }: { what: string; advice: string; path: string },
): NexusError {
  const failure = fsError(error, { op: what, path });
  const { code } = error as NodeJS.ErrnoException;
  const reason = REASONS[failure.kind] ?? code ?? failure.message;
  return new NexusError(failure.kind, `${what}: ${reason}; ${advice}`, { path, cause: error });
}
