import { isUtf8 } from "node:buffer";
import { NAME_MAX_BYTES, VALUE_MAX_BYTES } from "../../model/attributes.js";
import { type ErrorKind, NexusError } from "../../model/errors.js";
import {
  CLAIM_KEY,
  parseDependencies,
  parsePriority,
  parseStatus,
  WORK_KEY,
} from "../../model/work.js";
import { isComputed } from "../computed-attributes.js";
import type { FileImport } from "../file-system.js";
import { LIST_MAX_BYTES } from "./xattr.js";

/** What of the queue's metadata can be told wrong by its text alone. */
const WORK_VALUES = new Map<string, (text: string) => unknown>([
  [WORK_KEY.status, parseStatus],
  [WORK_KEY.priority, parsePriority],
  [WORK_KEY.dependsOn, parseDependencies],
]);

/**
 * Refuses custom metadata that setxattr would refuse. Errors: `attribute-too-large`, `not-permitted`
 * (a computed key), `invalid-argument`.
 */
export function requireMetadata({ path, metadata }: FileImport): void {
  let listBytes = 0;
  const refuse = (kind: ErrorKind, message: string, cause?: unknown) =>
    new NexusError(kind, `${path}: ${message}`, { op: "import", path, cause });
  for (const [key, value] of metadata) {
    const name = `user.${key}`;
    const nameBytes = Buffer.byteLength(name);
    listBytes += nameBytes + 1;
    if (key === "" || key === CLAIM_KEY || key.includes("\0") || !key.isWellFormed()) {
      throw refuse("invalid-argument", `'${key}' can't be a key of custom metadata`);
    }
    if (nameBytes > NAME_MAX_BYTES) {
      throw refuse("invalid-argument", `a key has at most ${NAME_MAX_BYTES - 5} bytes: '${key}'`);
    }
    if (isComputed(name)) throw refuse("not-permitted", `'${key}' is computed`);
    if (value.length > VALUE_MAX_BYTES) {
      throw refuse("attribute-too-large", `'${key}' has more than ${VALUE_MAX_BYTES} bytes`);
    }
    if (WORK_VALUES.has(key) && !isUtf8(value))
      throw refuse("invalid-argument", `'${key}' is no text`);
    try {
      WORK_VALUES.get(key)?.(Buffer.from(value).toString("utf8"));
    } catch (error) {
      if (!(error instanceof NexusError)) throw error;
      throw refuse(error.kind, error.message, error);
    }
  }
  if (listBytes > LIST_MAX_BYTES) {
    throw refuse("attribute-too-large", `all keys have more than ${LIST_MAX_BYTES} bytes together`);
  }
}
