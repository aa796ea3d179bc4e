import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeDirectories } from "../../libc/directories.js";
import { fsError } from "../../libc/system-error.js";
import { NexusError } from "../../model/errors.js";
import { casPath, layoutOf } from "../content/local/layout.js";
import { DataDirLock } from "../data-dir-lock.js";
import { syncPath } from "../file-system-sync.js";
import { type BackupDirectory, requireEmpty, type Snapshot } from "./backup-directory.js";
import { DATABASE_NAME, snapshotPath } from "./backup-layout.js";
import { type Content, ContentCopier } from "./content-copier.js";
import { copySnapshotDatabase } from "./database-file.js";
import { SnapshotDatabase } from "./snapshot-database.js";
import { Turns } from "./turns.js";
import type { Amount, Damage } from "./write-backup.js";

export interface RestoreOptions {
  readonly directory: BackupDirectory;
  /** Its id; the newest one if it isn't given. */
  readonly snapshot?: string | undefined;
  /** What becomes a data directory: one that is empty, or isn't there. */
  readonly dataDir: string;
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
 * Makes a data directory of a snapshot. Every content is checked against its hash; one that is damaged is left
 * out, so that reading its files fails instead of giving other bytes. The database gets its name last, when all else
 * is durable: before that, there is no store. What fails leaves the directory as it was.
 *
 * Errors: `not-found` (no such snapshot), `directory-not-empty`, `in-use`, `corrupt` (the snapshot's database),
 * `not-supported` (made by a newer program), `no-space`, `io-failure`, the reason of the signal.
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreResult> {
  const { directory, dataDir } = options;
  const snapshot = find(directory, options.snapshot);
  requireEmpty(dataDir, "a store is restored into a directory that is empty, or isn't there");
  const wasThere = existsSync(dataDir);
  const lock = await DataDirLock.acquire({
    dataDir,
    holder: { pid: process.pid, dataDir },
    waitMs: 0,
    isFinishing: () => false,
    onWait: () => undefined,
  });
  try {
    return await restore(snapshot, options);
  } catch (error) {
    clear(dataDir, { wasThere });
    throw fsError(error, { op: "restore to", path: dataDir });
  } finally {
    lock.release();
  }
}

function find(directory: BackupDirectory, id: string | undefined): Snapshot {
  const { path } = directory;
  const { readable, unreadable } = directory.snapshots();
  const ids = [...readable, ...unreadable].map((each) => each.id).sort();
  const wanted = id ?? ids.at(-1);
  const found = readable.find((each) => each.id === wanted);
  if (found !== undefined) return found;
  const damaged = unreadable.find((each) => each.id === wanted);
  if (damaged !== undefined) {
    const what = id === undefined ? "the newest snapshot" : "this snapshot";
    const message = `${what} can't be read: ${damaged.failure.message}; nexus restore --list says which others there are`;
    throw new NexusError(damaged.failure.kind, message, { path, cause: damaged.failure });
  }
  const message =
    id === undefined ? `there is no snapshot in ${path}` : `there is no snapshot ${id} in ${path}`;
  throw new NexusError("not-found", message, { path });
}

async function restore(
  { id, manifest }: Snapshot,
  { directory, dataDir, signal, onPlan, onProgress }: RestoreOptions,
): Promise<RestoreResult> {
  const layout = layoutOf(dataDir);
  const incomingDirectory = incomingOf(dataDir);
  makeDirectories(layout.casDirectory, { mode: 0o700 });
  makeDirectories(layout.stagingDirectory, { mode: 0o700 });
  mkdirSync(incomingDirectory, { mode: 0o700 });
  const incoming = join(incomingDirectory, DATABASE_NAME);
  const from = join(snapshotPath(directory.layout, id), DATABASE_NAME);
  const turns = new Turns(signal);
  await copySnapshotDatabase(from, { to: incoming, manifest, turns });
  const done = { contents: 0, bytes: 0 };
  const onBytes = (bytes: number) => {
    done.bytes += bytes;
    onProgress(done);
  };
  const copier = new ContentCopier({
    ...{ layout, incomingDirectory, turns, onBytes },
    namesAre: "doubted",
  });
  const database = new SnapshotDatabase(incoming);
  const damaged: Damage[] = [];
  try {
    database.becomeItsOwn();
    const measure = database.measure();
    await onPlan(measure);
    // The database can't be asked for anything else while it lists them.
    for (const content of [...database.contents()] as Content[]) {
      const problem = await copier.copy(content, casPath(directory.layout, content.hash));
      if (problem !== undefined) {
        const { hash } = content;
        damaged.push({ problem, hash, paths: database.pathsOf(hash) });
      }
      done.contents += 1;
    }
    database.close();
    syncPath(incoming);
    await copier.finish();
    renameSync(incoming, join(dataDir, DATABASE_NAME));
    rmSync(incomingDirectory, { recursive: true });
    syncPath(dataDir);
    return { snapshot: id, takenAt: manifest.takenAt, ...measure, damaged };
  } finally {
    database.close();
  }
}

function incomingOf(dataDir: string): string {
  return join(dataDir, "restoring");
}

/** What was made, and nothing else: the directory was empty. */
function clear(dataDir: string, { wasThere }: { wasThere: boolean }): void {
  const { casDirectory, stagingDirectory } = layoutOf(dataDir);
  const made = [incomingOf(dataDir), casDirectory, stagingDirectory];
  for (const path of wasThere ? [...made, join(dataDir, "lock")] : [dataDir]) {
    rmSync(path, { recursive: true, force: true });
  }
}
