import { type ErrorDetails, type ErrorKind, NexusError } from "../model/errors.js";

// The errors that a client throws, by class. Each is a NexusError, so `kind` tells the same.

/** The identity may not see or change this. */
export class AccessDeniedError extends NexusError {}
/** What is there doesn't permit it, whoever asks. */
export class NotPermittedError extends NexusError {}
/** There is nothing at the path, or on the way to it. */
export class FileNotFoundError extends NexusError {}
/** The name is taken. */
export class FileExistsError extends NexusError {}
export class NotADirectoryError extends NexusError {}
export class IsADirectoryError extends NexusError {}
export class DirectoryNotEmptyError extends NexusError {}
/** The namespace, or what is opened, can only be read. */
export class ReadOnlyError extends NexusError {}
/** No path, or a name that is too long or not allowed. */
export class InvalidPathError extends NexusError {}
/** A value or an option that makes no sense. */
export class InvalidArgumentError extends NexusError {}
/** The file hasn't the content that `ifMatch` or `ifNoneMatch` asked for. */
export class PreconditionFailedError extends NexusError {}
/** The two paths belong to different zones: `move` copies instead. */
export class CrossZoneError extends NexusError {}
/** Somebody else has it just now. */
export class BusyError extends NexusError {}
/** What one had is lost: the lease of a work item ended, or an open file is gone. */
export class StaleError extends NexusError {}
/** It can't be done yet. */
export class TryAgainError extends NexusError {}
/** The disk or the quota is used up. */
export class NoSpaceError extends NexusError {}
/** The signal aborted it. */
export class InterruptedError extends NexusError {}
/** The client is closed. */
export class ClosedError extends NexusError {}
/** Another process, or other settings, have the data directory. */
export class InUseError extends NexusError {}
export class InvalidConfigError extends NexusError {}
/** Data is missing or damaged. */
export class CorruptError extends NexusError {}

type ErrorClass = new (kind: ErrorKind, message: string, details?: ErrorDetails) => NexusError;

/** The class of each kind; what programs don't tell apart is a plain NexusError. */
const CLASSES = {
  "not-found": FileNotFoundError,
  "already-exists": FileExistsError,
  "not-a-directory": NotADirectoryError,
  "is-a-directory": IsADirectoryError,
  "directory-not-empty": DirectoryNotEmptyError,
  "access-denied": AccessDeniedError,
  "not-permitted": NotPermittedError,
  "read-only": ReadOnlyError,
  "invalid-path": InvalidPathError,
  "invalid-encoding": InvalidArgumentError,
  "invalid-argument": InvalidArgumentError,
  "name-too-long": InvalidPathError,
  "no-attribute": NexusError,
  "precondition-failed": PreconditionFailedError,
  "attribute-too-large": InvalidArgumentError,
  "buffer-too-small": NexusError,
  "not-supported": NexusError,
  "not-implemented": NexusError,
  "cross-zone": CrossZoneError,
  busy: BusyError,
  "text-busy": BusyError,
  "no-space": NoSpaceError,
  "quota-exceeded": NoSpaceError,
  "file-too-large": NexusError,
  "too-many-links": NexusError,
  "too-many-open-files": NexusError,
  "symlink-loop": NexusError,
  "bad-handle": NexusError,
  stale: StaleError,
  interrupted: InterruptedError,
  "try-again": TryAgainError,
  "no-such-offset": NexusError,
  "out-of-memory": NexusError,
  corrupt: CorruptError,
  "io-failure": NexusError,
  "invalid-config": InvalidConfigError,
  "in-use": InUseError,
  closed: ClosedError,
  internal: NexusError,
} satisfies Record<ErrorKind, ErrorClass>;

/** What was asked, for messages to people. */
export interface Asked {
  readonly op: string;
  readonly path?: string | undefined;
}

/**
 * An error as it leaves a client: of the class of its kind, with what was asked. What isn't a
 * NexusError comes from the caller's own functions and streams, and goes through as it is.
 */
export function clientError(error: unknown, { op, path }: Asked): unknown {
  if (!(error instanceof NexusError)) return error;
  const Class: ErrorClass = CLASSES[error.kind];
  if (error.constructor !== NexusError) return error;
  const at = pathOf(error, path);
  const message = at === undefined ? error.message : messageWith(at, error);
  const details = { op: error.op ?? op, ...(at === undefined ? {} : { path: at }), cause: error };
  const mapped = new Class(error.kind, message, details);
  mapped.name = Class.name;
  return mapped;
}

/** The message, with the path in it once: what was deep inside only knows the last name. */
function messageWith(at: string, { message, path }: NexusError): string {
  if (message.includes(at)) return message;
  const isNamed = path !== undefined && at.endsWith(`/${path}`) && message.startsWith(`'${path}'`);
  return isNamed ? `${at}${message.slice(path.length + 2)}` : `${at}: ${message}`;
}

/** What was asked for, unless the trouble is elsewhere: at the other path of a copy, say. */
function pathOf({ path: found }: NexusError, asked: string | undefined): string | undefined {
  // What isn't typed may be no text; the error says so then.
  if (typeof asked !== "string") return found;
  const isElsewhere = found?.startsWith("/") === true && !`${asked}/`.startsWith(`${found}/`);
  return isElsewhere ? found : asked;
}

/** What every method of a closed client fails with. */
export function closedError(op: string): NexusError {
  return new ClosedError("closed", "the client is closed", { op });
}
