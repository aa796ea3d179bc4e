import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  makeDirectories,
  missingDirectories,
  removeEmptyDirectories,
} from "../../libc/directories.js";
import { syncPath } from "../../libc/durability.js";
import { fsError } from "../../libc/system-error.js";
import { NexusError } from "../../model/errors.js";
import { layoutOf } from "../content/local/layout.js";
import { DataDirLock } from "../data-dir-lock.js";
import type { BackupDirectory, Snapshot, Snapshots } from "./backup-directory.js";
import { DATABASE_NAME, snapshotPath } from "./backup-layout.js";
import { type Content, ContentCopier } from "./content-copier.js";
import { copySnapshotDatabase } from "./database-file.js";
import {
  isInDataDir,
  nameDatabase,
  type RestorePlace,
  requireNoDatabase,
} from "./database-place.js";
import { requireEmpty } from "./empty-directory.js";
import { restoringDirectory } from "./restore-marker.js";
import { SnapshotDatabase } from "./snapshot-database.js";
import { newestOf } from "./snapshot-list.js";
import { Turns } from "./turns.js";
import { beginRestoring, clearRestoring, endRestoring, isCutShort } from "./unfinished-restore.js";
import type { Amount, Damage } from "./write-backup.js";

export interface RestoreOptions {
  readonly directory: BackupDirectory;
  /** Its id; the newest one that has the name it was given when it was made, if this isn't said. */
  readonly snapshot?: string | undefined;
  /**
   * What becomes a data directory: one that is empty, or isn't there, or has what a restore left that was cut short.
   */
  readonly dataDir: string;
  /** Where the store's settings have its database; there is none yet. */
  readonly databasePath: string;
  readonly signal: AbortSignal;
  /** Told how much there is to copy, before that begins. */
  readonly onPlan: (plan: Amount) => Promise<void> | void;
  readonly onProgress: (done: Amount) => void;
}

export interface RestoreResult {
  readonly snapshot: string;
  /** ISO 8601: the moment that the store is back at. */
  readonly takenAt: string;
  readonly files: number;
  readonly contents: number;
  readonly bytes: number;
  /** What the backup should have and hasn't: reading these files fails. */
  readonly damaged: readonly Damage[];
}

/**
 * Makes a data directory of a snapshot. Every content is checked against its hash; one that is damaged is left out, so
 * that reading its files fails instead of giving other bytes. The database gets its name last, when all else is
 * durable: before that, there is no store. What fails before leaves the directory as it was; what is killed is cleared
 * away by the next one. What fails afterwards leaves the store, and says so.
 *
 * Errors: `not-found` (no such snapshot), `directory-not-empty`, `in-use`, `corrupt` (the snapshot's database),
 * `not-supported` (made by a newer program), `no-space`, `io-failure`, the reason of the signal.
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreResult> {
  const { directory, dataDir } = options;
  const snapshot = find(directory, options.snapshot);
  requireFree(options);
  const missing = missingDirectories(dataDir);
  const lockPath = join(dataDir, "lock");
  const hadLock = existsSync(lockPath);
  const lock = await acquireLock(dataDir).catch((error) => {
    removeEmptyDirectories(missing);
    throw error;
  });
  try {
    const result = await restore(snapshot, options).catch((error) => {
      if (!hadLock) rmSync(lockPath, { force: true });
      removeEmptyDirectories(missing);
      throw fsError(error, { op: "restore to", path: dataDir });
    });
    end(options);
    return result;
  } finally {
    lock.release();
  }
}

async function acquireLock(dataDir: string): Promise<DataDirLock> {
  return await DataDirLock.acquire({
    dataDir,
    holder: { pid: process.pid, dataDir },
  });
}

function requireFree(place: RestorePlace): void {
  const { dataDir } = place;
  if (!isInDataDir(place)) requireNoDatabase(place);
  if (isCutShort(place)) return;
  requireEmpty(dataDir, {
    advice: "a store is restored into a directory that is empty, or isn't there",
  });
}

function find(directory: BackupDirectory, id: string | undefined): Snapshot {
  const { path } = directory;
  const snapshots = directory.snapshots();
  const { readable, unreadable } = snapshots;
  const wanted = id ?? newestOf(snapshots);
  const found = readable.find((each) => each.id === wanted);
  if (found !== undefined) return found;
  const damaged = unreadable.find((each) => each.id === wanted);
  if (damaged !== undefined) {
    const what = id === undefined ? "the newest snapshot" : "this snapshot";
    const message = `${what} can't be read: ${damaged.failure.message}; nexus restore --list says which others there are`;
    throw new NexusError(damaged.failure.kind, message, { path, cause: damaged.failure });
  }
  throw new NexusError("not-found", noneOf(snapshots, { id, path }), { path });
}

function noneOf(
  { readable }: Snapshots,
  { id, path }: { id: string | undefined; path: string },
): string {
  if (id !== undefined) return `there is no snapshot ${id} in ${path}`;
  if (readable.length === 0) return `there is no snapshot in ${path}`;
  return `all snapshots in ${path} were renamed, and so none is the newest; say with --snapshot which one to restore (nexus restore --list has their names)`;
}

/** There is a store now, which stays; who opens it tries this again. */
function end(place: RestorePlace): void {
  try {
    endRestoring(place);
  } catch (error) {
    const { dataDir } = place;
    const { kind, message } = fsError(error, { op: "restore to", path: dataDir });
    throw new NexusError(
      kind,
      `the store at ${dataDir} is restored, and may be gone after a power failure until it was opened once (${message})`,
      { path: dataDir, cause: error },
    );
  }
}

/** All but the end: the last thing that it does is giving the database its name. */
async function restore(snapshot: Snapshot, options: RestoreOptions): Promise<RestoreResult> {
  // Before the lock was ours, others could put something there.
  requireFree(options);
  clearRestoring(options);
  try {
    const unfinished = beginRestoring(options);
    const result = await copy(snapshot, { ...options, unfinished });
    // The contents' directory has its name before the database, which may be on another disk.
    syncPath(options.dataDir);
    nameDatabase(unfinished, options);
    return result;
  } catch (error) {
    clearRestoring(options);
    throw error;
  }
}

/** Copies the database, and the contents that it names, durably. */
async function copy(
  { id, manifest }: Snapshot,
  options: RestoreOptions & { readonly unfinished: string },
): Promise<RestoreResult> {
  const { directory, dataDir, unfinished, signal, onPlan, onProgress } = options;
  const layout = layoutOf(dataDir);
  const incomingDirectory = restoringDirectory(dataDir);
  makeDirectories(layout.casDirectory, { mode: 0o700 });
  makeDirectories(layout.stagingDirectory, { mode: 0o700 });
  const from = join(snapshotPath(directory.layout, id), DATABASE_NAME);
  const turns = new Turns(signal);
  await copySnapshotDatabase(from, { to: unfinished, manifest, turns });
  const done = { contents: 0, bytes: 0 };
  const onBytes = (bytes: number) => {
    done.bytes += bytes;
    onProgress(done);
  };
  const copier = new ContentCopier({
    ...{ layout, incomingDirectory, turns, onBytes },
    namesAre: "doubted",
  });
  let database: SnapshotDatabase | undefined;
  const damaged: Damage[] = [];
  try {
    database = new SnapshotDatabase(unfinished);
    database.becomeItsOwn();
    database.recount();
    const measure = database.measure();
    await onPlan(measure);
    // The database can't be asked for anything else while it lists them.
    for (const content of [...database.contents()] as Content[]) {
      const problem = await copier.copy(content, directory.layout);
      if (problem !== undefined) {
        const { hash } = content;
        damaged.push({ problem, hash, paths: database.pathsOf(hash) });
      }
      done.contents += 1;
    }
    for (const path of database.lostFiles()) {
      damaged.push({ problem: "missing", hash: undefined, paths: [path] });
    }
    database.close();
    syncPath(unfinished);
    await copier.finish();
    return { snapshot: id, takenAt: manifest.takenAt, ...measure, damaged };
  } finally {
    database?.close();
    copier.close();
  }
}
