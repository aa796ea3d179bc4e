import { resolve } from "node:path";
import { BackupDirectory, type Snapshots } from "../storage/backup/backup-directory.js";
import {
  type RestoreOptions,
  type RestoreResult,
  restoreBackup,
} from "../storage/backup/restore-backup.js";

export type { Snapshot, Snapshots } from "../storage/backup/backup-directory.js";
export type { RestoreResult } from "../storage/backup/restore-backup.js";

export interface RestoreRequest extends Omit<RestoreOptions, "directory"> {
  /** Where backups are, on the host. */
  readonly directory: string;
}

/** Makes a data directory of a snapshot; both of its paths are absolute. Errors: those of `restoreBackup`. */
export async function restore(request: RestoreRequest): Promise<RestoreResult> {
  return await withBackups(request.directory, (directory) =>
    restoreBackup({ ...request, directory }),
  );
}

/** The snapshots of a directory of backups. Errors: `not-found`; `corrupt`, `not-supported` (the directory itself). */
export async function listSnapshots(path: string): Promise<Snapshots> {
  return await withBackups(path, async (directory) => directory.snapshots());
}

async function withBackups<T>(
  path: string,
  work: (directory: BackupDirectory) => Promise<T>,
): Promise<T> {
  const directory = await BackupDirectory.openToRead(resolve(path));
  try {
    return await work(directory);
  } finally {
    directory.close();
  }
}
