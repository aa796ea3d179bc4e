import { randomUUID } from "node:crypto";
import { closeSync, lstatSync, mkdirSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { missingDirectories, realPlace, removeEmptyDirectories } from "../../libc/directories.js";
import { makeDirectoriesDurably, syncPath } from "../../libc/durability.js";
import { NexusError } from "../../model/errors.js";
import { casEntries } from "../content/local/cas-entries.js";
import { layoutOf } from "../content/local/layout.js";
import { DATABASE_NAME } from "./backup-layout.js";
import { filesOfDatabase, isInDataDir, type RestorePlace } from "./database-place.js";
import {
  type RestoreMarker,
  readMarker,
  removeRestoring,
  restoringDirectory,
  writeMarker,
} from "./restore-marker.js";

// A restore makes `restoring/` in the data directory first, durably, with a marker that names what else it is about to
// make; then all of that; when all is durable, the database gets its name; and when that is durable, too, its other
// name and `restoring/` go, the marker last. So with the marker and no database a restore was cut short: what there is
// isn't a store, and opening it would show an empty one. The data directory is locked all the while, but where the
// database goes may be anybody's: there the unfinished one has a name that no other has, and the name itself is taken
// only if it is free.

/** What may be in a data directory where a restore was cut short, and isn't of it. */
const NOT_COUNTED = ["lock", "lost+found", "nexus-mount.log"];

/** Says that a restore has begun. Returns where to write the database, which is there and empty. */
export function beginRestoring(place: RestorePlace): string {
  const { dataDir, databasePath } = place;
  const directory = restoringDirectory(dataDir);
  const marker = plan(place);
  mkdirSync(directory, { mode: 0o700 });
  writeMarker(realPlace(dataDir), marker);
  for (const path of [directory, dataDir]) syncPath(path);
  makeDirectoriesDurably(dirname(databasePath));
  // What can't be synced shows before anything is copied.
  syncPath(dirname(databasePath));
  const { unfinishedDatabase } = marker;
  closeSync(openSync(unfinishedDatabase, "wx", 0o600));
  return unfinishedDatabase;
}

/** Says that it is over; the database has its name. */
export function endRestoring({ dataDir, databasePath }: RestorePlace): void {
  for (const path of [dirname(databasePath), dataDir]) syncPath(path);
  const marker = readMarker(dataDir);
  if (marker !== undefined) removeDatabase(marker);
  removeRestoring(dataDir);
  syncPath(dataDir);
}

/** Whether there is nothing but what a restore has left that was cut short. */
export function isCutShort(place: RestorePlace): boolean {
  const { dataDir } = place;
  const marker = readMarker(dataDir);
  if (marker === undefined || !hasUnfinishedRestore(place)) return false;
  const names = readdirSync(dataDir).filter((name) => !NOT_COUNTED.includes(name));
  return names.every((name) => isOfRestore(join(dataDir, name), { dataDir, marker }));
}

/** Removes all that a restore has made; should that be cut short, too, it still shows. */
export function clearRestoring({ dataDir }: RestorePlace): void {
  const marker = readMarker(dataDir);
  if (marker === undefined) return;
  const { casDirectory, stagingDirectory } = layoutOf(dataDir);
  for (const path of [casDirectory, stagingDirectory]) {
    rmSync(path, { recursive: true, force: true });
  }
  removeDatabase(marker);
  removeEmptyDirectories(marker.madeDirectories);
  removeRestoring(dataDir);
}

/** Whether a restore was cut short here, or isn't done: then there is no store yet. */
export function hasUnfinishedRestore({ dataDir, databasePath }: RestorePlace): boolean {
  const marker = readMarker(dataDir);
  if (marker === undefined) return false;
  const database = inodeOf(databasePath);
  if (database === undefined) return true;
  const { unfinishedDatabase } = marker;
  // Who has the lock put it there.
  if (dirname(unfinishedDatabase) === restoringDirectory(dataDir)) return false;
  const unfinished = inodeOf(unfinishedDatabase);
  return unfinished !== undefined && unfinished !== database;
}

function inodeOf(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}

/** Errors: `corrupt` where a restore was cut short. */
export function requireNoUnfinishedRestore(place: RestorePlace): void {
  const { dataDir } = place;
  if (!hasUnfinishedRestore(place)) return;
  throw new NexusError(
    "corrupt",
    `a restore to ${dataDir} was cut short, so there is no store yet; run nexus restore again, which begins anew`,
    { path: dataDir },
  );
}

/** For who opens a store, which has its lock: removes what a restore left that was cut short just when it was done. */
export function forgetRestore(place: RestorePlace): void {
  if (readMarker(place.dataDir) !== undefined) endRestoring(place);
}

/** On the disk where the database is going to be. */
function plan(place: RestorePlace): RestoreMarker {
  const { dataDir, databasePath } = place;
  const directory = realPlace(dirname(databasePath));
  const madeDirectories = missingDirectories(directory);
  const unfinishedDatabase = isInDataDir(place)
    ? join(restoringDirectory(realPlace(dataDir)), DATABASE_NAME)
    : join(directory, `${basename(databasePath)}.restoring-${randomUUID()}`);
  return { unfinishedDatabase, madeDirectories };
}

/** Whether this is what a restore makes, and has nothing else in it. */
function isOfRestore(
  path: string,
  { dataDir, marker }: { dataDir: string; marker: RestoreMarker },
): boolean {
  const { casDirectory, stagingDirectory } = layoutOf(dataDir);
  if (
    path === restoringDirectory(dataDir) ||
    filesOfDatabase(marker.unfinishedDatabase).includes(path)
  )
    return true;
  if (!lstatSync(path).isDirectory()) return false;
  if (path === casDirectory) return hasContentsAlone(dataDir);
  const isMade = path === stagingDirectory || marker.madeDirectories.includes(path);
  if (!isMade) return false;
  return readdirSync(path).every((name) => isOfRestore(join(path, name), { dataDir, marker }));
}

function hasContentsAlone(dataDir: string): boolean {
  for (const { is } of casEntries(layoutOf(dataDir))) if (is === "foreign") return false;
  return true;
}

function removeDatabase({ unfinishedDatabase }: RestoreMarker): void {
  for (const path of filesOfDatabase(unfinishedDatabase)) rmSync(path, { force: true });
}
