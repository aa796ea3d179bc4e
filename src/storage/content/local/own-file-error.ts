import { fsError } from "../../../libc/system-error.js";
import { type ErrorDetails, type ErrorKind, NexusError } from "../../../model/errors.js";

/** What would be about the caller's file, and is about one of ours. */
const MISTAKABLE: readonly ErrorKind[] = [
  "not-found",
  "not-a-directory",
  "is-a-directory",
  "access-denied",
  "not-permitted",
  "symlink-loop",
];

/**
 * The error for a call on a file of the data directory. That one of ours isn't there, or isn't what it should
 * be, is an `io-failure` to whoever asked for a file of theirs.
 */
export function ownFileError(error: unknown, details: ErrorDetails & { op: string }): NexusError {
  const failure = fsError(error, details);
  if (!MISTAKABLE.includes(failure.kind)) return failure;
  return new NexusError("io-failure", failure.message, { ...details, cause: error });
}
