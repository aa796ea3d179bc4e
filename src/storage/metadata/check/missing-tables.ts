import Database from "better-sqlite3";
import { migrate, schemaVersion } from "../sqlite/open-database.js";
import type { Rule } from "./rule.js";

/** Tables and columns, as `sqlite_schema` and table_xinfo have them; views have nothing of their own. */
const COLUMNS = `SELECT t.name AS "table", c.name AS "column"
  FROM sqlite_schema t, pragma_table_xinfo(t.name) c
  WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`;

interface Column {
  readonly table: string;
  readonly column: string;
}

/** Looked at before anything asks for one: all else that is asked fails without it, and so does opening. */
export const TABLES: Rule = {
  id: "database.tables",
  says: "there is each table, with its columns",
  effect:
    "what was in it is lost, and the store can't be opened, nor is anything in it mended: restore a backup, or take what can be read with sqlite3's .recover",
  finds: (database) => {
    const there = columnsOf(database);
    const found: { readonly ino: null; readonly detail: string }[] = [];
    for (const [table, columns] of expected(schemaVersion(database))) {
      const has = there.get(table);
      if (has === undefined) found.push({ ino: null, detail: `the table ${table} is missing` });
      for (const column of has === undefined ? [] : columns) {
        if (!has?.has(column)) {
          found.push({ ino: null, detail: `the table ${table} has no column ${column}` });
        }
      }
    }
    return found;
  },
};

/** Of a database that an older version made, too: opening brings it to this one's. */
function expected(version: number): ReadonlyMap<string, ReadonlySet<string>> {
  const model = new Database(":memory:");
  try {
    migrate(model, { to: version });
    return columnsOf(model);
  } finally {
    model.close();
  }
}

function columnsOf(database: Database.Database): ReadonlyMap<string, ReadonlySet<string>> {
  const tables = new Map<string, Set<string>>();
  for (const { table, column } of database.prepare<[], Column>(COLUMNS).all()) {
    const columns = tables.get(table) ?? new Set();
    tables.set(table, columns.add(column));
  }
  return tables;
}
