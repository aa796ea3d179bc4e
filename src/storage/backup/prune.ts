import { statSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { NexusError } from "../../model/errors.js";
import { CONTENT_DIRECTORIES } from "../content/content-store.js";
import { contentsIn } from "../content/local/cas-entries.js";
import { directoryName } from "../content/local/layout.js";
import { removeBlob } from "../content/local/needless-files.js";
import { sqliteError } from "../metadata/sqlite/sqlite-error.js";
import type { BackupDirectory, Snapshot, UnreadableSnapshot } from "./backup-directory.js";
import { type BackupLayout, DATABASE_NAME, snapshotPath } from "./backup-layout.js";
import { requireWholeDatabase } from "./database-file.js";
import { isSwept } from "./swept-note.js";
import type { Turns } from "./turns.js";

/** What was removed. */
export interface Pruned {
  readonly snapshots: number;
  readonly contents: number;
  readonly bytes: number;
}

/** By the files, too: a list of contents that lacks one is damage, and shall cost no file its last good copy. */
const NAMED = `SELECT hash FROM contents WHERE hash >= $from AND hash < $to
  UNION SELECT content_hash FROM inodes WHERE content_hash >= $from AND content_hash < $to`;

export interface PruneOptions {
  /** How many of the newest snapshots are to stay. */
  readonly keep: number;
  /** The one that was just made, if one was. */
  readonly made?: string | undefined;
  /** What {@link takeSweptNote} gave. */
  readonly swept: readonly string[] | undefined;
  readonly turns: Turns;
}

/**
 * Keeps the newest snapshots, those that somebody renamed, and the contents that they name: also where no snapshot is
 * to be removed, if there may be others. The snapshots go first, durably: none is ever there without what it names.
 * Nothing is removed unless each kept one is as it was written, and none is there that can't be read: nobody knows
 * what that one names; and no snapshot when the newest one lacks contents, which the older ones may have. Errors:
 * `corrupt`, `io-failure`, those of the turns.
 */
export async function prune(
  directory: BackupDirectory,
  { keep, made, swept, turns }: PruneOptions,
): Promise<Pruned> {
  const { readable, unreadable } = directory.snapshots();
  const counted = readable.filter(({ isRenamed }) => !isRenamed);
  const removed = counted.slice(0, Math.max(0, counted.length - keep));
  if (removed.some(({ id }) => id === made)) {
    throw new NexusError("internal", `${made} was just made, and isn't the newest snapshot`);
  }
  if (removed.length === 0 && isSwept(directory.layout, swept)) {
    return { snapshots: 0, contents: 0, bytes: 0 };
  }
  requireNone(unreadable);
  if (removed.length > 0) requireUndamaged(counted.at(-1));
  const kept = readable.filter((snapshot) => !removed.includes(snapshot));
  const databases: Database.Database[] = [];
  try {
    for (const snapshot of kept) {
      databases.push(await openWhole(snapshot, { layout: directory.layout, turns }));
    }
    const sweep = new Sweep(directory.layout, databases);
    directory.remove(removed.map(({ id }) => id));
    for (let directory = 0; directory < CONTENT_DIRECTORIES; directory++) {
      sweep.run(directory);
      await turns.take();
    }
    return { snapshots: removed.length, contents: sweep.contents, bytes: sweep.bytes };
  } catch (error) {
    throw sqliteError(error, "read the snapshots that are kept");
  } finally {
    for (const database of databases) database.close();
  }
}

function requireNone([unreadable]: readonly UnreadableSnapshot[]): void {
  if (unreadable === undefined) return;
  const { path, failure } = unreadable;
  throw new NexusError(
    "corrupt",
    `no snapshot was removed, as nobody knows what ${path} has (${failure.message}); mend its backup.json, or remove the directory if it needn't be kept`,
    { path, cause: failure },
  );
}

function requireUndamaged(newest: Snapshot | undefined): void {
  if (newest === undefined || newest.manifest.damaged === 0) return;
  const { id, manifest } = newest;
  throw new NexusError(
    "corrupt",
    `no snapshot was removed, as the newest one (${id}) lacks ${manifest.damaged} contents that its store had lost, and older ones may have them; remove the directories of those that needn't be kept`,
  );
}

async function openWhole(
  { id, manifest }: Snapshot,
  { layout, turns }: { layout: BackupLayout; turns: Turns },
): Promise<Database.Database> {
  const path = join(snapshotPath(layout, id), DATABASE_NAME);
  await requireWholeDatabase(path, { manifest, turns });
  return new Database(path, { readonly: true, fileMustExist: true });
}

/** Removes what no snapshot names, one directory of contents at a time: so few names are in memory. */
class Sweep {
  readonly #layout: BackupLayout;
  readonly #named: readonly Database.Statement[];
  contents = 0;
  bytes = 0;

  constructor(layout: BackupLayout, databases: readonly Database.Database[]) {
    this.#layout = layout;
    this.#named = databases.map((database) => database.prepare(NAMED).pluck());
  }

  run(directory: number): void {
    const prefix = directoryName(directory);
    const named = new Set(
      this.#named.flatMap((query) => query.all({ from: prefix, to: `${prefix}g` })),
    );
    for (const { path, hash } of contentsIn(this.#layout, directory)) {
      if (named.has(hash)) continue;
      const { size } = statSync(path);
      removeBlob(path);
      this.contents += 1;
      this.bytes += size;
    }
  }
}
