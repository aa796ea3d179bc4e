import { closeSync, openSync } from "node:fs";
import Database from "better-sqlite3";
import { fsError } from "../../../libc/system-error.js";
import { NexusError } from "../../../model/errors.js";
import { type Failpoints, NO_FAILPOINTS } from "../../../model/failpoint.js";
import { MIGRATIONS } from "../migrations/index.js";
import { WILD_STATE_NUMBERS } from "../state-numbers.js";
import { sqliteError } from "./sqlite-error.js";

/** "Nxus": file(1) and fsck tell our databases from others by it. */
const APPLICATION_ID = 0x4e787573;

/** How long to wait for another program that holds the write lock; the serving thread waits too. */
const BUSY_TIMEOUT_MS = 2000;

/** A log that grew beyond this is cut when it starts over. */
const WAL_KEPT_BYTES = 8 * 1024 * 1024;

export interface OpenOptions {
  readonly path: string;
  readonly cacheSizeMb: number;
}

/**
 * Opens or makes the database file, without touching its schema.
 * Errors: `corrupt` (not a database, or another program's), `io-failure`, `not-supported` (made by a
 * newer version of this program).
 */
export function openDatabase({ path, cacheSizeMb }: OpenOptions): Database.Database {
  makePrivateFile(path);
  try {
    const database = new Database(path, { timeout: BUSY_TIMEOUT_MS });
    try {
      checkOrigin(database, path);
      // A commit is one write to the log. NORMAL syncs it before a checkpoint, which keeps the
      // database whole at a power failure; fsync(2) on a file syncs the log itself.
      database.pragma("journal_mode = WAL");
      database.pragma("synchronous = NORMAL");
      // Checkpoints have fsyncs in them: the checkpointer does them, on its own thread.
      database.pragma("wal_autocheckpoint = 0");
      database.pragma(`journal_size_limit = ${WAL_KEPT_BYTES}`);
      database.pragma(`cache_size = ${-Math.max(1, Math.round(cacheSizeMb)) * 1024}`);
      // Pages of an open transaction must not go to the log early, or its failure shows too late.
      database.pragma("cache_spill = OFF");
      database.pragma("temp_store = MEMORY");
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    throw sqliteError(error, `open ${path}`);
  }
}

/** Brings the schema to the newest version, or to the one that is asked for, each step in a transaction of its own. */
export function migrate(
  database: Database.Database,
  {
    failpoints = NO_FAILPOINTS,
    to = Number.POSITIVE_INFINITY,
  }: { readonly failpoints?: Failpoints; readonly to?: number } = {},
): void {
  const current = schemaVersion(database);
  for (const { version, sql } of MIGRATIONS) {
    if (version <= current || version > to) continue;
    database.transaction(() => {
      database.exec(sql);
      database.pragma(`application_id = ${APPLICATION_ID}`);
      database.pragma(`user_version = ${version}`);
    })();
    failpoints.reach("migration-step-done");
  }
}

export function schemaVersion(database: Database.Database): number {
  return database.pragma("user_version", { simple: true }) as number;
}

/**
 * What the journal of this store, and of this start of it, is known by: a number of 32 bits. Errors: `corrupt` when
 * what a store goes on with can't be that.
 */
export function storeNumber(database: Database.Database): number {
  const wild = database.prepare(WILD_STATE_NUMBERS).pluck().get();
  if (wild !== undefined) {
    throw new NexusError("corrupt", `${wild}: see nexus fsck --repair`);
  }
  return database.prepare("SELECT number FROM store_state").pluck().get() as number;
}

/**
 * The names of every tenant's files are in it, so it is its owner's alone; SQLite gives its log the
 * same mode.
 */
function makePrivateFile(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    const { message } = fsError(error, { op: "open", path });
    throw new NexusError("io-failure", message, { op: "open", path, cause: error });
  }
}

/**
 * Errors: `corrupt` (another program's database, or a version that can't be that of its tables), `not-supported` (made by
 * a newer version of this one).
 */
export function checkOrigin(database: Database.Database, path: string): void {
  const origin = database.pragma("application_id", { simple: true }) as number;
  const tables = database.prepare("SELECT count(*) FROM sqlite_schema").pluck().get() as number;
  if (tables > 0 && origin !== APPLICATION_ID) {
    throw new NexusError("corrupt", `${path} is a database of another program`, { path });
  }
  const version = schemaVersion(database);
  const newest = MIGRATIONS.at(-1)?.version ?? 0;
  if (version > newest) {
    throw new NexusError(
      "not-supported",
      `${path} has schema version ${version}, and this nexus-mount knows versions up to ${newest}: use the newer nexus-mount that made it`,
      { path },
    );
  }
  if (tables === 0 || version === newest) return;
  const found = versionOfTables(database);
  if (found > version) {
    throw new NexusError(
      "corrupt",
      `${path} has schema version ${version}, and tables of version ${found}: the number is damaged, if nothing else is (then PRAGMA user_version = ${found} in sqlite3 puts it right)`,
      { path },
    );
  }
}

/** The newest version that has made tables, all of which are there; 0 without those of the first. */
function versionOfTables(database: Database.Database): number {
  const there = new Set(tablesOf(database));
  const model = new Database(":memory:");
  try {
    let found = 0;
    let known = 0;
    for (const { version } of MIGRATIONS) {
      migrate(model, { to: version });
      const made = tablesOf(model);
      if (made.length > known && made.every((table) => there.has(table))) found = version;
      known = made.length;
    }
    return found;
  } finally {
    model.close();
  }
}

function tablesOf(database: Database.Database): string[] {
  const names = database.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'");
  return names.pluck().all();
}
