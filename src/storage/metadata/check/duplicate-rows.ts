import type Database from "better-sqlite3";
import { schemaVersion } from "../sqlite/open-database.js";
import { INDEXES } from "./database-rules.js";
import type { Finder, Rule } from "./rule.js";
import { schemaAt } from "./schema-rule.js";

type Found = ReturnType<Finder>[number];

/** What no two rows of a table may have in common. */
interface Unique {
  readonly table: string;
  /** Of one constraint, separated by commas. */
  readonly columns: string;
}

/** Of the constraints alone, none of which is on columns that may be NULL. */
const UNIQUES = `SELECT t.name AS "table",
    (SELECT group_concat(c.name, ', ') FROM pragma_index_info(i.name) c) AS columns
  FROM sqlite_schema t, pragma_index_list(t.name) i WHERE t.type = 'table' AND i.origin = 'u'`;

/** Where the indexes have what the tables have, they have seen to it themselves. */
export const DUPLICATES: Rule = {
  id: "database.duplicates",
  says: "no two rows have what only one may have",
  effect:
    "one of the rows is damaged, and the indexes can't be made anew as long as all are there, so nothing is mended: restore a backup, or take the wrong rows out in SQL",
  follows: INDEXES,
  finds: (database) => {
    const own = new Set(schemaAt(schemaVersion(database)).map(({ name }) => name));
    const uniques = database.prepare<[], Unique>(UNIQUES).all();
    return uniques.filter(({ table }) => own.has(table)).flatMap(duplicatesIn(database));
  },
};

function duplicatesIn(database: Database.Database): (unique: Unique) => Found[] {
  return ({ table, columns }) =>
    database
      .prepare<[], Found>(
        `SELECT NULL AS ino,
           format('%d rows of ${table} have the same ${columns}: those with the rowid %s',
             count(*), group_concat(rowid, ', ')) AS detail
         FROM ${table} NOT INDEXED GROUP BY ${columns} HAVING count(*) > 1`,
      )
      .all();
}
