import Database from "better-sqlite3";
import { type ErrorKind, isKind, NexusError } from "../../../model/errors.js";

/** By the primary result code, https://www.sqlite.org/rescode.html; the rest are our own bugs. */
const KIND_OF_CODE: Readonly<Record<string, ErrorKind>> = {
  SQLITE_FULL: "no-space",
  SQLITE_IOERR: "io-failure",
  SQLITE_CANTOPEN: "io-failure",
  SQLITE_READONLY: "io-failure",
  SQLITE_PERM: "io-failure",
  SQLITE_BUSY: "busy",
  SQLITE_LOCKED: "busy",
  SQLITE_CORRUPT: "corrupt",
  SQLITE_NOTADB: "corrupt",
  SQLITE_TOOBIG: "file-too-large",
  SQLITE_NOMEM: "out-of-memory",
};

/** A {@link NexusError} for whatever an operation on the database threw. */
export function sqliteError(error: unknown, op: string): NexusError {
  if (error instanceof NexusError) return error;
  if (!(error instanceof Database.SqliteError)) {
    return new NexusError("internal", `${op}: unexpected failure`, { op, cause: error });
  }
  const primary = error.code.split("_").slice(0, 2).join("_");
  const kind = KIND_OF_CODE[primary] ?? "internal";
  const advice = kind === "corrupt" ? "; nexus fsck tells what of it can be read" : "";
  return new NexusError(kind, `${op}: ${error.message}${advice}`, { op, cause: error });
}

/** Whether rows are as a constraint of their table doesn't allow. */
export function isConstraint(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith("SQLITE_CONSTRAINT");
}

/** Whether more room may help: SQLite calls it an I/O error when the index of its log can't grow. */
export function isMaybeFull(error: unknown): boolean {
  return isKind(error, "no-space") || isKind(error, "io-failure");
}
