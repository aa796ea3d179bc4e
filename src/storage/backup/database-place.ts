import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import { realPlace } from "../../libc/directories.js";
import { takeFreeName } from "../../libc/free-name.js";
import { NexusError } from "../../model/errors.js";

/** Where a store is restored. */
export interface RestorePlace {
  readonly dataDir: string;
  /** In the data directory, or where anybody may put something at any time. */
  readonly databasePath: string;
}

/** Whether the database goes into the data directory itself. */
export function isInDataDir({ dataDir, databasePath }: RestorePlace): boolean {
  return realPlace(dirname(databasePath)) === realPlace(dataDir);
}

/** A database, and what SQLite may have beside it, which another one in its place would be taken to go with. */
export function filesOfDatabase(path: string): string[] {
  return ["", "-wal", "-shm", "-journal"].map((suffix) => `${path}${suffix}`);
}

/** Errors: `already-exists` when there is a database, or something beside the place of one. */
export function requireNoDatabase({ databasePath }: RestorePlace): void {
  const files = filesOfDatabase(databasePath);
  const found = files.find((path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined);
  if (found === undefined) return;
  throw new NexusError(
    "already-exists",
    `${found} is there, where the setting db_path has the database of the restored store; move it away, or give another db_path`,
    { path: found },
  );
}

/**
 * Gives the database its name, which makes a store of what is there; all of that is durable. Errors: `already-exists`
 * when there is another one by now.
 */
export function nameDatabase(unfinished: string, place: RestorePlace): void {
  requireNoDatabase(place);
  try {
    // SQLite makes nothing beside a database before the database itself: who comes after that look, takes the name.
    takeFreeName(unfinished, place.databasePath);
  } catch (error) {
    requireNoDatabase(place);
    throw error;
  }
}
