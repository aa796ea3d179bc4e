import { randomBytes, randomInt } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import Database from "better-sqlite3";
import { NexusError } from "../../model/errors.js";
import { type ContentHash, type Ino, ROOT_INO, type StagingId } from "../../model/ids.js";
import { timestampFromMs } from "../../model/timestamp.js";
import { pathOf } from "../metadata/migrations/005-ending-paths.js";
import { forgetRecord } from "../metadata/operations/change-log.js";
import {
  commitContents,
  forgetContents,
  loseContent,
  unreferencedContents,
} from "../metadata/operations/contents.js";
import { countContents, listContents } from "../metadata/operations/count-contents.js";
import { renumberStore } from "../metadata/operations/initialize.js";
import { orphans, reap } from "../metadata/operations/remove.js";
import { forgetScrub } from "../metadata/operations/scrub.js";
import { checkOrigin, migrate, schemaVersion } from "../metadata/sqlite/open-database.js";
import { runScript } from "../metadata/sqlite/run-script.js";
import { sqliteError } from "../metadata/sqlite/sqlite-error.js";
import type { Content } from "./content-copier.js";

/** How much of a database is copied before others have their turn: 4 MiB. */
const PAGES_A_TURN = 1024;
const BLOCK_BYTES = 4096;

const STAGED =
  "SELECT ino, staging_id AS id, size_bytes AS sizeBytes FROM inodes WHERE staging_id IS NOT NULL AND nlink > 0";

/** A file whose content was staged at the moment of the snapshot. */
export interface StagedFile {
  readonly ino: Ino;
  readonly id: StagingId;
  /** As its row has it, which may be behind what was written since. */
  readonly sizeBytes: number;
}

/** What became of a staged content in the backup; undefined when there is none to be had. */
export interface CapturedFile extends StagedFile {
  readonly content: Content | undefined;
}

/**
 * Copies a database as it is at one moment, beside its writer: a read transaction sees one state, and holds up
 * nobody. `whileItLasts` is run in that transaction, first, with what was staged then. Errors: `corrupt`,
 * `not-supported`, `no-space`, `io-failure`.
 */
export async function copyDatabase({
  from,
  to,
  whileItLasts,
}: {
  from: string;
  to: string;
  whileItLasts: (staged: readonly StagedFile[]) => Promise<void>;
}): Promise<void> {
  let database: Database.Database | undefined;
  try {
    database = new Database(from, { readonly: true, fileMustExist: true });
    database.exec("BEGIN");
    checkOrigin(database, from);
    await whileItLasts(database.prepare(STAGED).all() as StagedFile[]);
    closeSync(openSync(to, "wx", 0o600));
    // It reads through this connection, and so what its transaction sees.
    await database.backup(to, { progress: () => PAGES_A_TURN });
  } catch (error) {
    throw sqliteError(error, `copy ${from} to ${to}`);
  } finally {
    database?.close();
  }
}

/**
 * The database of a snapshot, which nobody else has open. It is written without syncs: whoever made the file
 * syncs it when it is done.
 */
export class SnapshotDatabase {
  readonly #database: Database.Database;

  /** Brings the schema to the newest version. Errors: `corrupt`, `not-supported`, `io-failure`. */
  constructor(path: string) {
    this.#database = attempt(`open ${path}`, () => {
      const database = new Database(path, { fileMustExist: true });
      try {
        checkOrigin(database, path);
        // Not WAL: then it is one file, which can also be read where nothing can be written.
        database.pragma("journal_mode = DELETE");
        database.pragma("synchronous = OFF");
        migrate(database);
        return database;
      } catch (error) {
        database.close();
        throw error;
      }
    });
  }

  /**
   * Gives each file that was staged its captured content, and leaves out what has no name or no file: then
   * nothing is staged, each content is somebody's, and each file's content is listed, whatever a damaged database said.
   */
  seal(captured: readonly CapturedFile[]): void {
    this.#transaction("seal the snapshot", (database) => {
      const now = timestampFromMs(Date.now());
      for (const { ino, id, content } of captured) {
        if (content === undefined) {
          runScript(database, loseContent(ino));
          continue;
        }
        const blocks = Math.ceil(content.sizeBytes / BLOCK_BYTES) * (BLOCK_BYTES / 512);
        runScript(database, commitContents([{ ino, stagingId: id, ...content, blocks, now }]));
      }
      runScript(database, reap(runScript(database, orphans())));
      recount(database);
      runScript(database, forgetContents(runScript(database, unreferencedContents())));
    });
  }

  /** The same of contents for a snapshot that was made without it. */
  recount(): void {
    this.#transaction("count the contents of the snapshot", recount);
  }

  /**
   * From here on it is another store than the one that it was copied from, to whoever holds something of that
   * one: no journal of it is replayed over this, no position in its record of changes means anything here, and what
   * was found when its contents were read says nothing of these.
   */
  becomeItsOwn(): void {
    this.#transaction("renumber the snapshot", (database) => {
      runScript(database, renumberStore(randomInt(2 ** 32)));
      runScript(database, forgetRecord({ store: randomBytes(8).toString("hex") }));
      runScript(database, forgetScrub());
    });
  }

  /** Errors: `corrupt` when SQLite finds damage. */
  check(): void {
    const found = this.#database.pragma("quick_check(1)", { simple: true });
    if (found === "ok") return;
    throw new NexusError("corrupt", `the metadata database is damaged: ${String(found)}`);
  }

  /** Which store this is, also after a restore: see `manifest.ts`. */
  get store(): string {
    const pathId = "SELECT path_id FROM inodes WHERE ino = ?";
    return this.#database.prepare(pathId).pluck().get(ROOT_INO) as string;
  }

  get schemaVersion(): number {
    return schemaVersion(this.#database);
  }

  /** How many regular files, and what they hold. */
  measure(): { files: number; contents: number; bytes: number } {
    const number = (sql: string) => this.#database.prepare(sql).pluck().get() as number;
    return {
      files: number("SELECT count(*) FROM inodes WHERE mode >> 12 = 8"),
      contents: number("SELECT count(*) FROM contents"),
      bytes: number("SELECT total(size_bytes) FROM contents"),
    };
  }

  /** In the order of their hashes; what names a file's content and is no hash is in it, too. */
  contents(): IterableIterator<Content> {
    const sql = `SELECT hash, size_bytes AS sizeBytes FROM contents
      UNION ALL SELECT content_hash, max(size_bytes) FROM inodes
        WHERE content_hash IS NOT NULL AND content_hash NOT IN (SELECT hash FROM contents) GROUP BY content_hash
      ORDER BY 1`;
    return this.#database.prepare<[], Content>(sql).iterate();
  }

  /** One path of each file with this content. */
  pathsOf(hash: ContentHash): string[] {
    const sql = `SELECT ${pathOf("i.ino")} FROM inodes i WHERE i.content_hash = ? ORDER BY 1`;
    return this.#database.prepare(sql).pluck().all(hash) as string[];
  }

  /** One path of each file that should have a content and has lost it before it was sealed. */
  lostFiles(): string[] {
    const sql = `SELECT ${pathOf("i.ino")} FROM inodes i
      WHERE i.mode >> 12 = 8 AND i.size_bytes > 0 AND i.content_hash IS NULL AND i.staging_id IS NULL ORDER BY 1`;
    return this.#database.prepare(sql).pluck().all() as string[];
  }

  /** One path of a file. */
  pathOf(ino: Ino): string {
    return this.#database
      .prepare(`SELECT ${pathOf("?")}`)
      .pluck()
      .get(ino) as string;
  }

  close(): void {
    this.#database.close();
  }

  #transaction(op: string, work: (database: Database.Database) => void): void {
    attempt(op, () => this.#database.transaction(() => work(this.#database))());
  }
}

/** Lists what files have, and counts it. */
function recount(database: Database.Database): void {
  runScript(database, listContents({ now: timestampFromMs(Date.now()) }));
  runScript(database, countContents());
}

function attempt<T>(op: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw sqliteError(error, op);
  }
}
