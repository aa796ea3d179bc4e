import type Database from "better-sqlite3";
import { type ContentHash, isContentHash } from "../../model/ids.js";
import { ascending } from "../metadata/operations/ascending.js";

/** What the database says of a content. */
export interface ContentRow {
  readonly hash: ContentHash;
  /** NULL when only a file says that there is such a content. */
  readonly size_bytes: number | null;
  /** Not 0 when some file has it. The count of references may be what is wrong. */
  readonly is_needed: number;
}

/** So many rows are read at a time: a long transaction would keep SQLite's log from being cut. */
const PAGE = 500;
const LISTED = `SELECT hash, size_bytes, ref_count > 0
    OR EXISTS (SELECT 1 FROM inodes i WHERE i.content_hash = c.hash) AS is_needed FROM contents c`;
const UNLISTED = "SELECT content_hash AS hash, NULL AS size_bytes, 1 AS is_needed FROM inodes";

/** The contents that the database names, each as it is at the moment of the question. */
export class ContentRows {
  readonly #page: Database.Statement<[string], ContentRow>;
  readonly #listed: Database.Statement<[string], ContentRow>;
  readonly #unlisted: Database.Statement<[string], ContentRow>;
  readonly #allUnlisted: Database.Statement<[], ContentRow>;

  constructor(database: Database.Database) {
    this.#page = database.prepare(`${LISTED} WHERE hash > ? ORDER BY hash LIMIT ${PAGE}`);
    this.#listed = database.prepare(`${LISTED} WHERE hash = ?`);
    this.#unlisted = database.prepare(`${UNLISTED} WHERE content_hash = ? LIMIT 1`);
    this.#allUnlisted = database.prepare(
      `${UNLISTED} WHERE content_hash IS NOT NULL AND content_hash NOT IN (SELECT hash FROM contents)
       GROUP BY content_hash`,
    );
  }

  /** Those of the list, and then those that only a file names; what is no hash names nothing. */
  *all(): Generator<ContentRow> {
    for (const row of this.#rows()) if (isContentHash(row.hash)) yield row;
  }

  *#rows(): Generator<ContentRow> {
    for (let after = ""; ; ) {
      const rows = ascending(this.#page.all(after), after);
      yield* rows;
      const last = rows.at(-1);
      if (last === undefined) break;
      after = last.hash;
    }
    yield* this.#allUnlisted.all();
  }

  /** Undefined when nothing names it. */
  of(hash: ContentHash): ContentRow | undefined {
    return this.#listed.get(hash) ?? this.#unlisted.get(hash);
  }
}
