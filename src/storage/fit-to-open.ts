import { statSync } from "node:fs";
import { join } from "node:path";
import { namesIn } from "../libc/directories.js";
import { NexusError } from "../model/errors.js";
import { requireNoBackup } from "./backup/no-backup.js";
import { hasUnfinishedRestore, requireNoUnfinishedRestore } from "./backup/unfinished-restore.js";
import { casEntries } from "./content/local/cas-entries.js";
import { layoutOf } from "./content/local/layout.js";
import { lacksTables } from "./metadata/check/lacks-tables.js";
import { batchInJournal, journalIn } from "./metadata/sqlite/journal.js";

/** Where a store is, as its configuration has it. */
export interface StorePlace {
  readonly dataDir: string;
  readonly dbPath: string;
}

/** That the rest of a store is there, and its database isn't, in words. */
export interface LostDatabase {
  readonly what: string;
  /** What it means, and what can be done. */
  readonly advice: string;
}

/**
 * What opening would only make worse is not opened, by whomever. Asked before anything is written there. Errors:
 * `corrupt` (a database that is lost), those of {@link requireOwnStore}.
 */
export function requireFitToOpen(place: StorePlace): void {
  requireOwnStore(place);
  const lost = lostDatabase(place);
  if (lost === undefined) return;
  throw new NexusError("corrupt", `${lost.what}: ${lost.advice}`, { path: place.dataDir });
}

/** Errors: `not-supported` (a backup), `corrupt` (a restore that was cut short). */
export function requireOwnStore({ dataDir, dbPath: databasePath }: StorePlace): void {
  requireNoBackup({ dataDir, databasePath });
  requireNoUnfinishedRestore({ dataDir, databasePath });
}

/** Whether the database is what a restore that was cut short has left out. */
export function lacksRestore({ dataDir, dbPath }: StorePlace): boolean {
  return hasUnfinishedRestore({ dataDir, databasePath: dbPath });
}

/**
 * Undefined where there is a database, or nothing that was ever in one: a first start makes its tables, durably, before
 * anything else. A new database would overwrite the journal, and what is here would be the leftovers of no file.
 */
export function lostDatabase(place: StorePlace): LostDatabase | undefined {
  const { dbPath } = place;
  if (!lacksTables(dbPath)) return undefined;
  const rest = restOf(place);
  if (rest === undefined) return undefined;
  const log = `${dbPath}-wal`;
  const found =
    sizeOf(log) > 0
      ? `${dbPath} is missing or empty, nothing whole is in its log ${log}`
      : `${dbPath} is missing or empty`;
  return {
    what: `${found}, and ${rest}`,
    advice: `names and metadata of all files were in it; put it back, with the log that belongs to it, or restore it from a backup (if it is elsewhere, db_path says where)`,
  };
}

/** Something that is there of a store, but for its database. */
function restOf({ dataDir }: StorePlace): string | undefined {
  const layout = layoutOf(dataDir);
  const { casDirectory, stagingDirectory } = layout;
  for (const { is } of casEntries(layout)) {
    if (is === "content") return `${casDirectory} has contents`;
  }
  // What nothing was written to is as good as none.
  const staged = namesIn(stagingDirectory).map((name) => join(stagingDirectory, name));
  if (staged.some((path) => sizeOf(path) > 0)) {
    return `${stagingDirectory} has contents that were being written`;
  }
  const journal = journalIn(dataDir);
  return batchInJournal(journal) === undefined ? undefined : `${journal} has changes`;
}

/** 0 of what isn't there; what can't be looked at is as long as can be. */
function sizeOf(path: string): number {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
