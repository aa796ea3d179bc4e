import type Database from "better-sqlite3";
import type { Random } from "../../../differ/random.js";

// Rows as a wrong bit, a program of somebody's own or a lost page may leave them.

/** As often as their rows decide what a store is. */
const TABLES = [
  [8, "inodes"],
  [8, "dentries"],
  [3, "contents"],
  [2, "file_metadata"],
  [2, "symlinks"],
  [2, "work_items"],
  [2, "work_dependencies"],
  ...["system_attributes", "work_counts", "change_state", "scrub_state", "changes"].map(
    (table) => [1, table] as const,
  ),
] as const;
const NUMBERS = [0, 1, 2, 3, -1, 4, 8, 10, 420, 33188, 16877, 41471, 2 ** 31, 2 ** 53 - 1];
const TEXTS = [
  ...["", "x", "/", "..", "a/b", "\u0001", "A".repeat(64), "a".repeat(64), "z".repeat(300)],
  ...["blocked", "ready", "completed", "in_progress", '["/jobs/5"]', "/jobs/3", null],
];
const BYTES = ["", "text", Buffer.from([0, 255]), 5, 1.5, "ready", "/jobs/2", null];

interface Column {
  readonly name: string;
  readonly type: string;
  /** Its place in the primary key, from 1 on; 0 of others. */
  readonly pk: number;
}

type Row = Readonly<Record<string, unknown>>;

/** Damages a row, or a whole table; returns how, in SQL, and undefined if the database didn't take it. */
export function damageRows(database: Database.Database, random: Random): string | undefined {
  const table = random.weighted(TABLES);
  const columns = database.pragma(`table_info(${table})`) as Column[];
  const keys = columns.filter(({ pk }) => pk > 0).map(({ name }) => name);
  const rows = database.prepare<[], Row>(`SELECT * FROM ${table} ORDER BY ${keys}`).all();
  if (rows.length === 0) return undefined;
  const row = random.pick(rows);
  const quoted = database.prepare<[unknown], string>("SELECT quote(?)").pluck();
  const where = keys.map((key) => `${key} = ${quoted.get(row[key])}`).join(" AND ");
  const inos = database.prepare<[], number>("SELECT ino FROM inodes ORDER BY ino").pluck().all();
  const value = ({ name, type }: Column) => {
    const others = [random.pick(rows)[name], random.pick(rows)[name]];
    if (type === "INTEGER")
      return quoted.get(random.pick([...NUMBERS, ...others, random.pick([0, ...inos])]));
    return quoted.get(random.pick(type === "TEXT" ? [...TEXTS, ...others] : [...BYTES, ...others]));
  };
  const column = random.pick(columns);
  const set = `SET ${column.name} = ${value(column)}`;
  const sql = random.weighted([
    [25, `DELETE FROM ${table} WHERE ${where}`],
    [3, `DELETE FROM ${table} WHERE ${keys[0]} >= ${quoted.get(row[keys[0] ?? ""])}`],
    [2, `DELETE FROM ${table}`],
    [40, `UPDATE ${table} ${set} WHERE ${where}`],
    [15, `UPDATE OR REPLACE ${table} ${set} WHERE ${where}`],
    [5, `UPDATE ${table} ${set}`],
    [10, again(table, { columns, column, value: value(column), where })],
  ]);
  try {
    return database.prepare(sql).run().changes > 0 ? sql : undefined;
  } catch {
    return undefined; // what the schema doesn't allow
  }
}

/** A second row, which differs in one column. */
function again(
  table: string,
  {
    columns,
    column,
    value,
    where,
  }: { columns: readonly Column[]; column: Column; value: string | undefined; where: string },
): string {
  const names = columns.map(({ name }) => name);
  const values = names.map((name) => (name === column.name ? value : name));
  return `INSERT OR IGNORE INTO ${table} (${names}) SELECT ${values} FROM ${table} WHERE ${where}`;
}
