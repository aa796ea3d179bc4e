import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { replaceDurably } from "../../libc/durability.js";
import { DATABASE_NAME } from "./backup-layout.js";

const MARKER = "nexus-restore";
const MARKER_BEFORE = `${MARKER}.new`;

/** What a restore makes beside `restoring/`, `cas/` and `staging/`; written down before it is made. */
export interface RestoreMarker {
  /** What the database is called until all else is there. No other restore calls its own so. */
  readonly unfinishedDatabase: string;
  /** Those in which it lies that weren't there, from the top down. */
  readonly madeDirectories: readonly string[];
}

/** Where a restore has what isn't finished, and its marker. */
export function restoringDirectory(dataDir: string): string {
  return join(dataDir, "restoring");
}

/** Durably says that a restore has begun, which has made the directory for that. Takes absolute paths without links. */
export function writeMarker(dataDir: string, marker: RestoreMarker): void {
  // Who moves the data directory moves what is in it.
  const named = (path: string) =>
    path.startsWith(`${dataDir}${sep}`) ? relative(dataDir, path) : path;
  const { unfinishedDatabase, madeDirectories } = marker;
  const text = JSON.stringify({
    unfinishedDatabase: named(unfinishedDatabase),
    madeDirectories: madeDirectories.map(named),
  });
  const directory = restoringDirectory(dataDir);
  replaceDurably({ directory, name: MARKER, nameBefore: MARKER_BEFORE }, `${text}\n`);
}

/**
 * What the restore that has begun here makes; undefined where none has, as where a directory of that name has something
 * and no marker, and is somebody else's.
 */
export function readMarker(dataDir: string): RestoreMarker | undefined {
  const directory = restoringDirectory(dataDir);
  if (!existsSync(directory)) return undefined;
  const names = readdirSync(directory);
  if (!names.includes(MARKER)) {
    // Just begun: nothing else is made before it is written.
    return names.every((name) => name === MARKER_BEFORE) ? parsed("", dataDir) : undefined;
  }
  return parsed(readFileSync(join(directory, MARKER), "utf8"), dataDir);
}

/** Removes `restoring/`. The marker goes last: without it, what is left would be somebody else's. */
export function removeRestoring(dataDir: string): void {
  const directory = restoringDirectory(dataDir);
  const unfinished = readdirSync(directory).filter((name) => name !== MARKER);
  for (const path of [...unfinished.map((name) => join(directory, name)), directory]) {
    rmSync(path, { recursive: true, force: true });
  }
}

/** Of one that says nothing, as it is before it is written, the database would be in its directory. */
function parsed(text: string, dataDir: string): RestoreMarker {
  const { unfinishedDatabase, madeDirectories } = fieldsOf(text);
  if (typeof unfinishedDatabase !== "string" || !Array.isArray(madeDirectories)) {
    const database = join(restoringDirectory(dataDir), DATABASE_NAME);
    return { unfinishedDatabase: database, madeDirectories: [] };
  }
  return {
    unfinishedDatabase: resolve(dataDir, unfinishedDatabase),
    madeDirectories: madeDirectories.map((path) => resolve(dataDir, String(path))),
  };
}

function fieldsOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {}; // damaged: what it named stays where it is, and is in nobody's way
  }
}
