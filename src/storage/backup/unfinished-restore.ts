import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { syncPath } from "../../libc/durability.js";
import { NexusError } from "../../model/errors.js";
import { layoutOf } from "../content/local/layout.js";
import { DATABASE_NAME } from "./backup-layout.js";

// A restore makes `restoring/` in the data directory first, durably, with a file in it that says so; then the rest; and
// removes it when the database has its name, durably. So with `restoring/` and no database a restore was cut short:
// what there is isn't a store, and opening it would show an empty one.

const MARKER = "nexus-restore";
/** What may be in a data directory where a restore was cut short, beside its `restoring/`. */
const OF_A_RESTORE = ["cas", "staging", "lock", "lost+found", "nexus-mount.log"];

/** Where a store is restored. */
export interface RestorePlace {
  readonly dataDir: string;
  readonly databasePath: string;
}

/** Where a restore has what isn't finished. */
export function restoringDirectory(dataDir: string): string {
  return join(dataDir, "restoring");
}

/** What the database is called until all else is there: on the disk where it is going to be, for a rename. */
export function unfinishedDatabase({ dataDir, databasePath }: RestorePlace): string {
  const isInside = dirname(databasePath) === dataDir;
  return isInside ? join(restoringDirectory(dataDir), DATABASE_NAME) : `${databasePath}.restoring`;
}

/** Says that a restore has begun. */
export function beginRestoring(place: RestorePlace): void {
  const { dataDir } = place;
  const directory = restoringDirectory(dataDir);
  mkdirSync(directory, { mode: 0o700 });
  writeFileSync(join(directory, MARKER), "", { mode: 0o600 });
  for (const path of [directory, dataDir]) syncPath(path);
  removeDatabase(place);
}

/** Says that it is over; the database has its name. */
export function endRestoring({ dataDir, databasePath }: RestorePlace): void {
  for (const path of [dirname(databasePath), dataDir]) syncPath(path);
  removeRestoring(dataDir);
  syncPath(dataDir);
}

/** Whether there is nothing but what a restore has left that was cut short. */
export function isCutShort(place: RestorePlace): boolean {
  const { dataDir } = place;
  if (!hasUnfinishedRestore(place)) return false;
  return readdirSync(dataDir).every((name) => [...OF_A_RESTORE, "restoring"].includes(name));
}

/** Removes all that a restore has made; should that be cut short, too, it still shows. */
export function clearRestoring(place: RestorePlace): void {
  const { casDirectory, stagingDirectory } = layoutOf(place.dataDir);
  if (!existsSync(restoringDirectory(place.dataDir))) return;
  removeDatabase(place);
  for (const path of [casDirectory, stagingDirectory]) {
    rmSync(path, { recursive: true, force: true });
  }
  removeRestoring(place.dataDir);
}

/** The marker last: without it, what is left would be somebody else's. */
function removeRestoring(dataDir: string): void {
  const directory = restoringDirectory(dataDir);
  const unfinished = readdirSync(directory).filter((name) => name !== MARKER);
  for (const path of [...unfinished.map((name) => join(directory, name)), directory]) {
    rmSync(path, { recursive: true, force: true });
  }
}

/** Whether a restore was cut short here, or isn't done: then there is no store yet. */
export function hasUnfinishedRestore({ dataDir, databasePath }: RestorePlace): boolean {
  return hasBegun(dataDir) && !existsSync(databasePath);
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
  if (hasBegun(place.dataDir)) endRestoring(place);
}

/** With what SQLite may have beside it: another database would be rolled back by that. */
function removeDatabase(place: RestorePlace): void {
  const path = unfinishedDatabase(place);
  for (const each of [path, `${path}-journal`]) rmSync(each, { force: true });
}

/** A directory of that name that has something and no marker is somebody else's. */
function hasBegun(dataDir: string): boolean {
  const directory = restoringDirectory(dataDir);
  if (!existsSync(directory)) return false;
  return existsSync(join(directory, MARKER)) || readdirSync(directory).length === 0;
}
