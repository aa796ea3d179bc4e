import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { otherOwnerOf } from "../../libc/other-owner.js";
import { fsError } from "../../libc/system-error.js";
import { type ErrorKind, NexusError } from "../../model/errors.js";

/** Raised when a program that knows the ones before would misread what is there. */
const FORMAT = 1;

/** What a directory of backups says of itself. */
export interface DirectoryManifest {
  readonly format: number;
  /**
   * The store's own id, which no other one has and a restored one keeps: the `path_id` of its root. Null until
   * the first database was copied.
   */
  readonly store: string | null;
}

/** What a snapshot says of itself. */
export interface SnapshotManifest extends DirectoryManifest {
  readonly store: string;
  /** ISO 8601. */
  readonly takenAt: string;
  /** Of the program that made it. */
  readonly version: string;
  readonly schemaVersion: number;
  /** Where the store lay. */
  readonly dataDir: string;
  readonly files: number;
  /** What its files hold, each content once. */
  readonly contents: number;
  readonly bytes: number;
  /** Contents that it should have and hasn't, because the store hadn't got them either. */
  readonly damaged: number;
  /** Why its store was known to lack something, if it was: see `behind-note.ts`. */
  readonly behind?: string | undefined;
  /** What it lacked then, or may have lacked: rows of all changes, where a repair hadn't come to its end. */
  readonly lacks?: "rows" | undefined;
  readonly database: { readonly sizeBytes: number; readonly sha256: string };
}

const SNAPSHOT_FIELDS = {
  ...{ format: "number", store: "string" },
  ...{ takenAt: "string", version: "string", schemaVersion: "number", dataDir: "string" },
  ...{ files: "number", contents: "number", bytes: "number", damaged: "number" },
  database: "object",
} as const;

/** As JSON, with the format that this program writes. */
export function manifestText(
  manifest: Omit<DirectoryManifest, "format"> | Omit<SnapshotManifest, "format">,
): string {
  return `${JSON.stringify({ format: FORMAT, ...manifest }, undefined, 2)}\n`;
}

/**
 * Undefined when there is none. Errors: `corrupt`, `not-supported` (of a newer program), `not-a-directory` (what it
 * should be in), those of the host.
 */
export function readDirectoryManifest(path: string): DirectoryManifest | undefined {
  const manifest = read(path, { format: "number" }) as DirectoryManifest | undefined;
  if (manifest === undefined || manifest.store === null) return manifest;
  if (typeof manifest.store !== "string") throw unreadable(path);
  return manifest;
}

/** The same of a snapshot, which is none without one: `corrupt`. */
export function readSnapshotManifest(path: string): SnapshotManifest {
  const manifest = read(path, SNAPSHOT_FIELDS) as SnapshotManifest | undefined;
  if (manifest === undefined) {
    throw new NexusError("corrupt", `${path} is missing`, { path });
  }
  const { sizeBytes, sha256 } = manifest.database;
  const isDescribed = typeof sizeBytes === "number" && typeof sha256 === "string";
  if (!["undefined", "string"].includes(typeof manifest.behind)) throw unreadable(path);
  if (![undefined, "rows"].includes(manifest.lacks)) throw unreadable(path);
  if (!isDescribed || Number.isNaN(Date.parse(manifest.takenAt))) throw unreadable(path);
  return manifest;
}

function read(path: string, fields: Readonly<Record<string, string>>): unknown {
  const text = textOf(path);
  if (text === undefined) return undefined;
  const manifest = parsed(path, text);
  const { format } = manifest;
  if (typeof format === "number" && format > FORMAT) {
    throw new NexusError(
      "not-supported",
      `${path} has format ${format}, and this program knows those up to ${FORMAT}: use the newer one that made it`,
      { path },
    );
  }
  for (const [name, type] of Object.entries(fields)) {
    if (typeof manifest[name] !== type || manifest[name] === null) throw unreadable(path);
  }
  return manifest;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw refused(error, path);
  }
}

function refused(error: unknown, path: string): NexusError {
  const { kind, message } = fsError(error, { op: "read", path });
  const refuse = (of: ErrorKind, words: string) =>
    new NexusError(of, words, { path, cause: error });
  switch (kind) {
    case "not-a-directory":
      return refuse(kind, `${dirname(path)} is not a directory`);
    case "is-a-directory":
      return refuse(
        "corrupt",
        `${path} is a directory, where nexus backup has a file; move it away`,
      );
    case "access-denied":
      return refuse(kind, `${message}${whoseItIs(path)}`);
    default:
      return refuse(kind, message);
  }
}

function whoseItIs(path: string): string {
  const owner = otherOwnerOf(path);
  if (owner === undefined) return "";
  return `, as ${owner.path} belongs to another user (uid ${owner.uid}): do it as that user`;
}

function parsed(path: string, text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw unreadable(path);
}

function unreadable(path: string): NexusError {
  return new NexusError("corrupt", `${path} isn't what nexus backup writes`, { path });
}
