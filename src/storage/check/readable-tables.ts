import type Database from "better-sqlite3";

/** How much of a table can be read. */
export interface ReadableTable {
  readonly table: string;
  readonly rows: number;
  /** Whether that is all, as far as it can be told. */
  readonly isWhole: boolean;
}

/** What can still be read of a damaged database: of each table the rows before the damage. */
export function readableTables(database: Database.Database): ReadableTable[] {
  const tables: ReadableTable[] = [];
  for (const table of namesOf(database)) {
    let rows = 0;
    let isWhole = true;
    try {
      for (const _row of database.prepare(`SELECT * FROM "${table}" NOT INDEXED`).iterate())
        rows += 1;
    } catch {
      isWhole = false;
    }
    tables.push({ table, rows, isWhole });
  }
  return tables;
}

/** None when not even that can be read. */
function namesOf(database: Database.Database): string[] {
  try {
    const tables = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    return database.prepare<[], string>(tables).pluck().all();
  } catch {
    return [];
  }
}
