import { join } from "node:path";
import Database from "better-sqlite3";
import { messageOf, NexusError } from "../../model/errors.js";
import { sqliteError } from "../metadata/sqlite/sqlite-error.js";
import type { BackupDirectory, Snapshot, UnreadableSnapshot } from "./backup-directory.js";
import { type BackupLayout, DATABASE_NAME, MANIFEST_NAME, snapshotPath } from "./backup-layout.js";
import { requireWholeDatabase } from "./database-file.js";
import { type Lacking, type OpenSnapshot, sweep } from "./sweep.js";
import { isSwept } from "./swept-note.js";
import { Turns } from "./turns.js";

/** What was removed. */
export interface Pruned {
  readonly snapshots: number;
  readonly contents: number;
  readonly bytes: number;
}

export interface PruneOutcome {
  readonly removed: Pruned;
  /** Kept snapshots that aren't whole any more, as far as that was looked at. */
  readonly lacking: readonly Lacking[];
}

const NOTHING: PruneOutcome = { removed: { snapshots: 0, contents: 0, bytes: 0 }, lacking: [] };

export interface PruneOptions {
  /** How many of the newest snapshots are to stay, of each data directory. */
  readonly keep: number;
  /** The one that was just made, if one was: then only those of its data directory go. */
  readonly made?: string | undefined;
  /** What {@link takeSweptNote} gave. */
  readonly swept: readonly string[] | undefined;
  readonly signal: AbortSignal;
}

/**
 * Keeps the newest snapshots of each data directory (a store that was restored keeps its id, and shall cost the first
 * one nothing), those that somebody renamed, and the contents that they name: also where no snapshot is to be removed,
 * if there may be others. The snapshots go first, durably: none is ever there without what it names. Nothing is removed
 * unless each kept one is as it was written, and none is there that can't be read: nobody knows what that one names;
 * and no snapshot when the newest one lacks contents or changes, which the older ones may have; nor anything by the run
 * that made such a one. Errors: `corrupt`, with what would be right; those of the host, as they come; the reason of the
 * signal.
 */
export async function prune(
  directory: BackupDirectory,
  { keep, made, swept, signal }: PruneOptions,
): Promise<PruneOutcome> {
  const { readable, unreadable } = directory.snapshots();
  const counted = readable.filter(({ isRenamed }) => !isRenamed);
  const ofEach = byDataDirectory(counted).filter(
    (snapshots) => made === undefined || snapshots.some(({ id }) => id === made),
  );
  const removed = ofEach.flatMap((snapshots) => snapshots.slice(0, -keep));
  if (removed.some(({ id }) => id === made)) {
    throw new NexusError("internal", `${made} was just made, and isn't the newest snapshot`);
  }
  if (removed.length > 0 || made !== undefined) {
    for (const snapshots of ofEach) requireComplete(snapshots.at(-1));
  }
  if (removed.length === 0 && isSwept(directory.layout, swept)) return NOTHING;
  requireNone(unreadable);
  const kept = readable.filter((snapshot) => !removed.includes(snapshot));
  const turns = new Turns(signal);
  const open: OpenSnapshot[] = [];
  try {
    for (const snapshot of kept) {
      open.push(await openWhole(snapshot, { layout: directory.layout, turns, signal }));
    }
    directory.remove(removed.map(({ id }) => id));
    const { lacking, ...gone } = await sweep(directory.layout, { snapshots: open, turns });
    return { removed: { snapshots: removed.length, ...gone }, lacking };
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error;
    throw sqliteError(error, "read the snapshots that are kept");
  } finally {
    for (const { database } of open) database.close();
  }
}

function byDataDirectory(snapshots: readonly Snapshot[]): readonly (readonly Snapshot[])[] {
  const ofEach = new Map<string, Snapshot[]>();
  for (const snapshot of snapshots) {
    const { dataDir } = snapshot.manifest;
    const others = ofEach.get(dataDir);
    if (others === undefined) ofEach.set(dataDir, [snapshot]);
    else others.push(snapshot);
  }
  return [...ofEach.values()];
}

function requireNone([unreadable]: readonly UnreadableSnapshot[]): void {
  if (unreadable === undefined) return;
  const { path, failure } = unreadable;
  throw unknown(path, { failure, mended: MANIFEST_NAME });
}

/** The store of a data directory's newest one had everything that it should, as far as anybody knew. */
function requireComplete(newest: Snapshot | undefined): void {
  if (newest === undefined) return;
  const { damaged, behind, lacks } = newest.manifest;
  if (damaged > 0) {
    const what = `lacks ${damaged} contents that its store had lost`;
    throw incomplete(newest, { what, advice: "" });
  }
  if (behind !== undefined && lacks === "rows") {
    const what = `is of a store whose repair hasn't come to its end (${behind})`;
    const advice = "end it with nexus fsck --repair, and make a snapshot of that; or ";
    throw incomplete(newest, { what, advice });
  }
  if (behind !== undefined) {
    const what = `is of a store that is known to lack changes (${behind})`;
    const advice =
      "take the database back that was there before, or mend it with nexus fsck --repair, and make a snapshot of that; or ";
    throw incomplete(newest, { what, advice });
  }
}

function incomplete(
  { id, manifest: { dataDir } }: Snapshot,
  { what, advice }: { what: string; advice: string },
): NexusError {
  return new NexusError(
    "corrupt",
    `no snapshot was removed, as the newest one of ${dataDir} (${id}) ${what}, and older ones may have what it lacks; ${advice}remove the directories of those that needn't be kept`,
  );
}

async function openWhole(
  snapshot: Snapshot,
  { layout, turns, signal }: { layout: BackupLayout; turns: Turns; signal: AbortSignal },
): Promise<OpenSnapshot> {
  const { id, manifest } = snapshot;
  const path = snapshotPath(layout, id);
  const file = join(path, DATABASE_NAME);
  try {
    await requireWholeDatabase(file, { manifest, turns });
    return { ...snapshot, database: new Database(file, { readonly: true, fileMustExist: true }) };
  } catch (error) {
    signal.throwIfAborted();
    throw unknown(path, { failure: error, mended: DATABASE_NAME });
  }
}

/** The error for a snapshot that may need anything. */
function unknown(
  path: string,
  { failure, mended }: { failure: unknown; mended: string },
): NexusError {
  return new NexusError(
    "corrupt",
    `no snapshot was removed, as nobody knows what ${path} has (${messageOf(failure)}); mend its ${mended}, or remove the directory if it needn't be kept`,
    { path, cause: failure },
  );
}
