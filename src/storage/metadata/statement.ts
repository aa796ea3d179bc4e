import type { Timestamp } from "../../model/timestamp.js";

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

/**
 * The end of a query that takes its limit as a parameter. SQLite plans a query anew each time the value
 * of a bare `LIMIT ?` is bound (in case it decides about the plan), which takes ten times what a short
 * query does; an expression it leaves alone.
 */
export const LIMIT_PARAMETER = "LIMIT 0 + ?";

/** A statement that only reads. */
export function query(sql: string): Statement {
  return { sql, writes: false };
}

/** A statement that changes data. */
export function command(sql: string): Statement {
  return { sql, writes: true };
}

/** What an operation asks its engine for: run this, and hand me the answer. */
export interface StatementStep {
  readonly statement: Statement;
  readonly params: readonly SqlValue[];
  readonly wants: Exclude<keyof Answer, "recordingTime">;
}

export type Step = StatementStep | { readonly wants: "recordingTime" };

/** What a step can be answered with. */
export interface Answer {
  /** The only row that matters, if there is one. */
  readonly first: Row | undefined;
  readonly all: readonly Row[];
  /** How many rows were changed. */
  readonly changes: number;
  /** The time to record a change with; undefined while nobody wants to know of changes. */
  readonly recordingTime: Timestamp | undefined;
}

/**
 * An operation: it yields statements and is resumed with their answers. So one text of every rule
 * serves an engine that answers at once and one that answers later.
 *
 * An operation checks before it writes, or writes first what can turn out to change nothing: one
 * that throws after it changed something is undone, and that is slow.
 */
export type Script<T> = Generator<Step, T, Answer[keyof Answer]>;

/** The first row, or undefined. With a command that has RETURNING, of what it changed. */
export function* first(statement: Statement, ...params: SqlValue[]): Script<Row | undefined> {
  return (yield { statement, params, wants: "first" }) as Answer["first"];
}

export function* all(statement: Statement, ...params: SqlValue[]): Script<readonly Row[]> {
  return (yield { statement, params, wants: "all" }) as Answer["all"];
}

/** Returns how many rows it changed. */
export function* run(statement: Statement, ...params: SqlValue[]): Script<number> {
  return (yield { statement, params, wants: "changes" }) as Answer["changes"];
}

/** What {@link recordingTime} asks. */
export const ASK_RECORDING_TIME: Step = { wants: "recordingTime" };

/** The time to record a change with; undefined while nobody wants to know of changes. */
export function* recordingTime(): Script<Timestamp | undefined> {
  return (yield ASK_RECORDING_TIME) as Answer["recordingTime"];
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
