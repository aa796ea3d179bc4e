import { type ErrorKind, NexusError } from "../model/errors.js";

/** 1: it didn't work. 2: it was asked wrongly, and will never work like this. */
const EXIT_CODE_OF_KIND = {
  "not-found": 1,
  "already-exists": 1,
  "not-a-directory": 1,
  "is-a-directory": 1,
  "directory-not-empty": 1,
  "access-denied": 1,
  "not-permitted": 1,
  "read-only": 1,
  "invalid-path": 2,
  "invalid-encoding": 2,
  "invalid-argument": 2,
  "name-too-long": 2,
  "no-attribute": 1,
  "precondition-failed": 1,
  "attribute-too-large": 1,
  "buffer-too-small": 1,
  "not-supported": 1,
  "not-implemented": 1,
  "cross-zone": 1,
  busy: 1,
  "text-busy": 1,
  "no-space": 1,
  "quota-exceeded": 1,
  "file-too-large": 1,
  "too-many-links": 1,
  "too-many-open-files": 1,
  "symlink-loop": 1,
  "bad-handle": 1,
  stale: 1,
  interrupted: 1,
  "try-again": 1,
  "no-such-offset": 1,
  "out-of-memory": 1,
  corrupt: 1,
  "io-failure": 1,
  "invalid-config": 2,
  "in-use": 1,
  closed: 1,
  internal: 1,
} satisfies Record<ErrorKind, 1 | 2>;

/** What a command exits with after this error. */
export function exitCodeOf(error: unknown): 1 | 2 {
  return error instanceof NexusError ? EXIT_CODE_OF_KIND[error.kind] : 1;
}
