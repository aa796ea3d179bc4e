import { existsSync, lstatSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { realPlace } from "../../libc/directories.js";
import { fsError } from "../../libc/system-error.js";
import { NexusError } from "../../model/errors.js";
import { layoutOf } from "../content/local/layout.js";
import { backupLayoutOf, DATABASE_NAME, MANIFEST_NAME } from "./backup-layout.js";

// A store that is opened changes, and removes what none of its files has. A manifest says that a directory is a backup,
// but a file gets lost; and a snapshot's `cas` may lead to the contents of all others, wherever the snapshot was moved.
// So it is asked where contents and database really are.

/** Where a store is to be opened. */
export interface OpenedPlace {
  readonly dataDir: string;
  readonly databasePath: string;
}

/**
 * Errors: `not-supported` when this is a directory of backups or a snapshot in one, or has its contents or its database
 * there, whatever manifests are left; those of the host, where a directory can't be listed.
 */
export function requireNoBackup({ dataDir, databasePath }: OpenedPlace): void {
  if (existsSync(join(dataDir, MANIFEST_NAME))) throw refusing(dataDir, "is a backup");
  const { casDirectory } = layoutOf(dataDir);
  if (isOfBackups(realPlace(dataDir))) throw refusing(dataDir, "is a backup");
  for (const path of [casDirectory, databasePath]) {
    const place = dirname(realPlace(path));
    if (isOfBackups(place)) throw refusing(dataDir, `has ${path} from the backup ${place}`);
  }
}

function refusing(dataDir: string, why: string): NexusError {
  return new NexusError(
    "not-supported",
    `${dataDir} ${why}, which using it would change: nexus restore makes a store of it (so does cp -RL of a snapshot, without its ${MANIFEST_NAME})`,
    { path: dataDir },
  );
}

/** A directory of backups, or a snapshot in one. */
function isOfBackups(path: string): boolean {
  if (isDirectoryOfBackups(path)) return true;
  const backups = dirname(dirname(path));
  const { snapshotsDirectory } = backupLayoutOf(backups);
  return dirname(path) === snapshotsDirectory && lacksCas(path) && isDirectoryOfBackups(backups);
}

/**
 * By its manifest; where that is lost, too, by what only snapshots are: databases without contents of their own, below
 * a directory that has no database.
 */
function isDirectoryOfBackups(path: string): boolean {
  const { manifest, snapshotsDirectory } = backupLayoutOf(path);
  if (existsSync(manifest)) return true;
  if (existsSync(join(path, DATABASE_NAME))) return false;
  const snapshots = namesToSee(snapshotsDirectory).map((name) => join(snapshotsDirectory, name));
  return snapshots.some((each) => existsSync(join(each, DATABASE_NAME)) && lacksCas(each));
}

/** A copy that has one is a store of its own, wherever it is. */
function lacksCas(path: string): boolean {
  const found = lstatSync(layoutOf(path).casDirectory, { throwIfNoEntry: false });
  return found?.isDirectory() !== true;
}

/** What another user keeps to themselves is no backup that this one could change. */
function namesToSee(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (["ENOENT", "ENOTDIR", "EACCES"].includes(code)) return [];
    throw fsError(error, { op: "list", path });
  }
}
