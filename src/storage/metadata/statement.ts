/** What a column holds and a parameter carries. */
export type SqlValue = string | number | Uint8Array | null;

/** One row, column by column. */
export type Row = readonly SqlValue[];

/**
 * One SQL statement, written once. Engines prepare it at its first use and keep it. Parameters are
 * `?`; only what SQLite and PostgreSQL have in common is used.
 *
 * A statement that `writes` must be deterministic: the same parameters on the same data always do
 * the same. No random(), no CURRENT_TIMESTAMP. The journal relies on it.
 */
export interface Statement {
  readonly sql: string;
  readonly writes: boolean;
}

/** A statement that only reads. */
export function query(sql: string): Statement {
  return { sql, writes: false };
}

/** A statement that changes data. */
export function command(sql: string): Statement {
  return { sql, writes: true };
}

/** What an operation asks its engine for: run this, and hand me the rows. */
export interface Step {
  readonly statement: Statement;
  readonly params: readonly SqlValue[];
  /** `first` stops after one row, `all` reads all, `none` wants no rows. */
  readonly rows: "first" | "all" | "none";
}

/**
 * An operation: it yields statements and is resumed with their rows. So one text of every rule
 * serves an engine that answers at once and one that answers later.
 */
export type Script<T> = Generator<Step, T, readonly Row[]>;

/** The first row, or undefined. */
export function* first(statement: Statement, ...params: SqlValue[]): Script<Row | undefined> {
  const rows = yield { statement, params, rows: "first" };
  return rows[0];
}

export function* all(statement: Statement, ...params: SqlValue[]): Script<readonly Row[]> {
  return yield { statement, params, rows: "all" };
}

export function* run(statement: Statement, ...params: SqlValue[]): Script<void> {
  yield { statement, params, rows: "none" };
}

// Columns have the types that the schema's STRICT tables give them; these name the expectation.

export function integer(row: Row, column: number): number {
  return row[column] as number;
}

export function text(row: Row, column: number): string {
  return row[column] as string;
}

export function optionalText<T extends string>(row: Row, column: number): T | undefined {
  return (row[column] as T | null) ?? undefined;
}
