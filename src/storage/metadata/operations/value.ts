import { isUtf8 } from "node:buffer";
import type { SqlValue } from "../statement.js";

/**
 * Bytes as SQL holds them: text when they are text, so that people read them in the database; a
 * blob otherwise. NUL counts as not text, since the sqlite3 shell stops at it.
 */
export function sqlValueOf(bytes: Uint8Array): string | Uint8Array {
  if (!isUtf8(bytes) || bytes.includes(0)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

/**
 * The bytes again. A number is what somebody else's SQL has put into the column; it reads as its
 * decimal digits.
 */
export function bytesOf(value: SqlValue | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value;
  return Buffer.from(value === undefined || value === null ? "" : String(value), "utf8");
}
