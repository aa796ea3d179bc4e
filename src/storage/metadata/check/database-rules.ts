import type Database from "better-sqlite3";
import { NexusError } from "../../../model/errors.js";
import { schemaVersion } from "../sqlite/open-database.js";
import { command, first, query, run, text } from "../statement.js";
import type { Finder, Rule } from "./rule.js";
import { schemaAt } from "./schema-rule.js";

type Found = ReturnType<Finder>[number];

interface PartialIndex {
  readonly name: string;
  readonly table: string;
  readonly sql: string;
}

/**
 * How SQLite tells of an index that hasn't what its table has,
 * https://www.sqlite.org/pragma.html#pragma_integrity_check.
 */
const IS_OF_INDEX = "GLOB '* index *'";
const DAMAGED = `SELECT NULL AS ino, integrity_check AS detail FROM pragma_integrity_check
  WHERE integrity_check <> 'ok'`;
const PARTIAL = `SELECT name, tbl_name AS "table", sql FROM sqlite_schema
  WHERE type = 'index' AND sql LIKE '%WHERE%'`;
const ALL = query("SELECT integrity_check FROM pragma_integrity_check");

/** Whatever else is asked of a database of which this doesn't hold means nothing, and nobody writes to it. */
export const PAGES: Rule = {
  id: "database.pages",
  says: "the pages of the database are whole",
  effect:
    "what is on the damaged pages is lost, and more may be lost with each change: end the daemon, copy the data directory, and restore a backup or take what can be read with sqlite3's .recover",
  finds: `SELECT NULL AS ino, quick_check AS detail FROM pragma_quick_check
    WHERE quick_check <> 'ok' AND NOT quick_check ${IS_OF_INDEX}`,
};

export const INDEXES: Rule = {
  id: "database.indexes",
  says: "the indexes of the database have what its tables have",
  effect: "files may not be found, or be found where they aren't",
  finds: (database) =>
    // Somebody may write meanwhile: in a transaction, all of it is of one moment.
    database.transaction(() => [
      ...database.prepare<[], Found>(DAMAGED).all(),
      ...partialIndexes(database).flatMap(countedIn(database)),
    ])(),
  repair: {
    says: "makes the indexes anew from the tables",
    *run() {
      yield* run(command("REINDEX"));
      // A row that only the index still had shows by what is wrong with the table: then it isn't forgotten.
      const row = yield* first(ALL);
      const answer = row === undefined ? "" : text(row, 0);
      if (answer !== "ok") throw new NexusError("corrupt", `more than indexes: ${answer}`);
    },
  },
};

/**
 * Those that the store itself makes. Whoever makes one of their own may write a condition in words that a query can't
 * ask with, and nothing of the store is asked through it.
 */
function partialIndexes(database: Database.Database): PartialIndex[] {
  const own = new Map(schemaAt(schemaVersion(database)).map(({ name, sql }) => [name, sql]));
  const found = database.prepare<[], PartialIndex>(PARTIAL).all();
  return found.filter(({ name, sql }) => own.get(name) === sql);
}

/**
 * Of an index that leaves rows out, SQLite doesn't look whether it has entries of none: the source of `integrityCk`.
 */
function countedIn(database: Database.Database): (index: PartialIndex) => Found[] {
  return ({ name, table, sql }) => {
    const condition = /\)\s+(WHERE\s.*)$/is.exec(sql)?.[1];
    if (condition === undefined) return [];
    const count = (counting: string) => database.prepare<[], number>(counting).pluck().get();
    const has = count(`SELECT count(*) FROM "${table}" INDEXED BY "${name}" ${condition}`);
    // Without a condition on the rows, no index that leaves some out can answer (NOT INDEXED doesn't keep it from that
    // in a table WITHOUT ROWID).
    const needs = count(`SELECT count(*) FILTER (${condition}) FROM "${table}"`);
    if (has === needs) return [];
    return [{ ino: null, detail: `the index ${name} has ${has} entries, and its table ${needs}` }];
  };
}
