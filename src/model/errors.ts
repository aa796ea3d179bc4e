/**
 * Every way in which an operation can fail, as a closed list. Three exhaustive tables translate a
 * kind at the edges: to an errno (`fuse/errno.ts`), to an exit code (`cli/exit-code.ts`), later to
 * an HTTP status. Adding a kind here makes those tables fail to compile until they know it.
 */
export const ERROR_KINDS = [
  "not-found",
  "already-exists",
  "not-a-directory",
  "is-a-directory",
  "directory-not-empty",
  "access-denied",
  "not-permitted",
  "read-only",
  "invalid-path",
  "invalid-encoding",
  "invalid-argument",
  "name-too-long",
  "no-attribute",
  "precondition-failed",
  "attribute-too-large",
  "buffer-too-small",
  "not-supported",
  "not-implemented",
  "cross-zone",
  "busy",
  "text-busy",
  "no-space",
  "quota-exceeded",
  "file-too-large",
  "too-many-links",
  "too-many-open-files",
  "symlink-loop",
  "bad-handle",
  "stale",
  "interrupted",
  "try-again",
  "no-such-offset",
  "out-of-memory",
  "corrupt",
  "io-failure",
  "invalid-config",
  "in-use",
  "closed",
  "internal",
] as const;

export type ErrorKind = (typeof ERROR_KINDS)[number];

export interface ErrorDetails {
  /** The operation that failed, by its POSIX or library name: `rename`, `setxattr`, `load config`. */
  readonly op?: string;
  /** What it failed on: a virtual path, a name, or a file of the data directory. */
  readonly path?: string;
  readonly cause?: unknown;
}

/**
 * The one error type of the inner layers. `kind` is for programs, `message` for people; nobody
 * matches on the text.
 */
export class NexusError extends Error {
  readonly kind: ErrorKind;
  readonly op: string | undefined;
  readonly path: string | undefined;

  constructor(kind: ErrorKind, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "NexusError";
    this.kind = kind;
    this.op = details.op;
    this.path = details.path;
  }
}

/** True when `error` is a {@link NexusError} of this kind. */
export function isKind(error: unknown, kind: ErrorKind): error is NexusError {
  return error instanceof NexusError && error.kind === kind;
}

/** The message of anything that was thrown, for a sentence that people read. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
