import { NexusError } from "../../model/errors.js";
import { type ContentHash, EMPTY_HASH, type PathId } from "../../model/ids.js";
import { canonicalPath } from "../../model/path.js";
import { parseTimestamp, type Timestamp } from "../../model/timestamp.js";
import { isDeeper } from "./json-depth.js";

/** What an import knows of one file: a line that was found right. */
export interface ImportLine {
  readonly lineNumber: number;
  readonly path: string;
  readonly etag: ContentHash;
  readonly sizeBytes: number;
  readonly pathId: PathId | undefined;
  readonly mimeType: string | undefined;
  readonly createdAt: Timestamp | undefined;
  readonly modifiedAt: Timestamp | undefined;
  readonly version: number;
  readonly metadata: ReadonlyMap<string, Uint8Array>;
}

type JsonObject = Readonly<Record<string, unknown>>;

const REQUIRED = ["path", "backend_name", "physical_path", "size"];
const HASH = /^[0-9a-f]{64}$/;
const PATH_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** With groups of four, millions of them would be too many for the stack. */
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
/** JSON of more can't be written again without exhausting the stack at some depth. */
const MOST_LEVELS = 1000;
/** limits.h: longer ones are nothing to print. */
const PATH_MAX = 4096;

/** The values of custom metadata as a line has them: text as text, everything else as its base64. */
export function encodeMetadata(
  values: ReadonlyMap<string, string | Uint8Array>,
): Record<string, unknown> {
  const entries = [...values].map(([key, value]) => {
    if (typeof value === "string") return [key, value];
    return [key, { base64: Buffer.from(value).toString("base64") }];
  });
  // Unlike an assignment, this makes an own property of `__proto__`, too.
  return Object.fromEntries(entries);
}

/**
 * Reads one line of an export. Keys that nobody knows are ignored. Errors: `invalid-argument`, which
 * names the line and what is wrong with it.
 */
export function parseLine(text: string, lineNumber: number): ImportLine {
  const line = parseObject(text, lineNumber);
  for (const key of REQUIRED) {
    if (line[key] === undefined) {
      throw new NexusError(
        "invalid-argument",
        `Missing required field: ${key} at line ${lineNumber}`,
        { op: "import", ...pathOf(line) },
      );
    }
  }
  const fields: Fields = new Fields(line, lineNumber);
  fields.check("backend_name", line.backend_name === "local", "is not 'local'");
  const etag = fields.hash("physical_path");
  const stated = line.etag ?? etag;
  fields.check("etag", stated === etag, "is not the hash in physical_path");
  const sizeBytes = fields.count("size");
  const isEmpty = etag === EMPTY_HASH;
  fields.check("size", isEmpty === (sizeBytes === 0), "doesn't belong to this hash");
  return {
    lineNumber,
    path: fields.path(),
    etag,
    sizeBytes,
    pathId: fields.text("path_id", PATH_ID) as PathId | undefined,
    mimeType: fields.text("mime_type"),
    createdAt: fields.time("created_at"),
    modifiedAt: fields.time("modified_at"),
    version: (line.version ?? undefined) === undefined ? 1 : fields.count("version"),
    metadata: fields.metadata(),
  };
}

function parseObject(text: string, lineNumber: number): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new NexusError("invalid-argument", `Invalid JSON at line ${lineNumber}`, {
      op: "import",
      cause,
    });
  }
  if (!isObject(value)) {
    throw new NexusError("invalid-argument", `No JSON object at line ${lineNumber}`, {
      op: "import",
    });
  }
  if (isDeeper(value, MOST_LEVELS)) {
    const levels = `the object has more than ${MOST_LEVELS} levels`;
    throw new NexusError("invalid-argument", `Invalid JSON at line ${lineNumber}: ${levels}`, {
      op: "import",
      ...pathOf(value),
    });
  }
  return value;
}

/** What a broken line says that it is about. */
function pathOf({ path }: JsonObject): { path?: string } {
  return typeof path === "string" ? { path } : {};
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && BASE64.test(text);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The fields of one line, each checked as it is read. `null` is the same as absent. */
class Fields {
  readonly #line: JsonObject;
  readonly #lineNumber: number;

  constructor(line: JsonObject, lineNumber: number) {
    this.#line = line;
    this.#lineNumber = lineNumber;
  }

  check(field: string, isRight: boolean, problem: string): asserts isRight {
    if (isRight) return;
    throw new NexusError(
      "invalid-argument",
      `Invalid field at line ${this.#lineNumber}: ${field} ${problem}${this.#ofPath()}`,
      { op: "import", ...pathOf(this.#line) },
    );
  }

  /** With what isn't fit to be seen written as JSON writes it. */
  #ofPath(): string {
    const { path } = pathOf(this.#line);
    return path === undefined || path.length > PATH_MAX ? "" : `, in ${JSON.stringify(path)}`;
  }

  path(): string {
    const path = this.#line.path;
    this.check("path", typeof path === "string", "is not text");
    try {
      return canonicalPath(path);
    } catch (error) {
      if (!(error instanceof NexusError)) throw error;
      throw new NexusError(
        error.kind,
        `Invalid path at line ${this.#lineNumber}: ${error.message}${this.#ofPath()}`,
        {
          op: "import",
          path,
          cause: error,
        },
      );
    }
  }

  hash(field: string): ContentHash {
    const hash = this.#line[field];
    this.check(field, typeof hash === "string" && HASH.test(hash), "is not 64 hexadecimal digits");
    return hash as ContentHash;
  }

  count(field: string): number {
    const count = this.#line[field];
    const isCount = typeof count === "number" && Number.isSafeInteger(count) && count >= 0;
    this.check(field, isCount, "is not a whole number from 0 up");
    return count as number;
  }

  text(field: string, pattern?: RegExp): string | undefined {
    const text = this.#line[field] ?? undefined;
    if (text === undefined) return undefined;
    this.check(field, typeof text === "string", "is not text");
    const isRight = text.isWellFormed() && (pattern === undefined || pattern.test(text));
    this.check(field, isRight, pattern === undefined ? "is not valid Unicode" : "is not a UUID");
    return text;
  }

  time(field: string): Timestamp | undefined {
    const text = this.text(field);
    const time = text === undefined ? undefined : parseTimestamp(text);
    this.check(field, text === undefined || time !== undefined, `is not a time: ${text}`);
    return time;
  }

  metadata(): ReadonlyMap<string, Uint8Array> {
    const metadata = this.#line.custom_metadata ?? {};
    this.check("custom_metadata", isObject(metadata), "is not an object");
    const entries = Object.entries(metadata).map(([key, value]): [string, Uint8Array] => [
      key,
      this.#bytes(key, value),
    ]);
    return new Map(entries);
  }

  /** Anything but text and bytes is kept as its JSON text, as setting it does. */
  #bytes(key: string, value: unknown): Uint8Array {
    if (!isObject(value) || typeof value.base64 !== "string" || Object.keys(value).length > 1) {
      const text = typeof value === "string" ? value : JSON.stringify(value);
      this.check(`custom_metadata '${key}'`, text.isWellFormed(), "is not valid Unicode");
      return Buffer.from(text, "utf8");
    }
    const { base64 } = value;
    this.check(`custom_metadata '${key}'`, isBase64(base64), "is not base64");
    return Buffer.from(base64, "base64");
  }
}
