import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { makeDirectories } from "./directories.js";

/** fsync(2) of a file, or of the names in a directory. Errors: those of open(2) and fsync(2), as Node throws them. */
export function syncPath(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** {@link syncPath} on libuv's thread pool. */
export async function syncPathLater(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Where a file lies that is to be replaced as a whole. */
export interface Replaced {
  readonly directory: string;
  readonly name: string;
  /** What it is called while it is written; somebody's file of that name is lost. By default `{name}.new`. */
  readonly nameBefore?: string;
}

/**
 * Writes a small file, for its owner alone, that has the old text or the new one after a power failure at any point:
 * the new file is on disk before it has the name, and the name before this returns. Errors: those of the host, as
 * Node throws them.
 */
export function replaceDurably(
  { directory, name, nameBefore = `${name}.new` }: Replaced,
  text: string,
): void {
  const incoming = `${directory}/${nameBefore}`;
  writeFileSync(incoming, text, { mode: 0o600, flush: true });
  renameSync(incoming, `${directory}/${name}`);
  syncPath(directory);
}

/**
 * mkdir(1) with `-p`, for their owner alone, and the names of those that were made are on disk when this returns: what
 * is synced below a directory is of no use without its name. Returns whether it made anything. Errors: those of
 * mkdir(2), open(2) and fsync(2), as Node throws them; but a directory above that its maker may not read isn't synced.
 */
export function makeDirectoriesDurably(path: string): boolean {
  return makeDirectories(path, { mode: 0o700, whenMade: syncName });
}

function syncName(path: string): void {
  try {
    syncPath(dirname(path));
  } catch (error) {
    // To make something in a directory takes no right to read it, and syncing does.
    if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
  }
}
