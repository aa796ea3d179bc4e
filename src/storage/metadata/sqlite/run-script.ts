import type Database from "better-sqlite3";
import type { Row, Script, SqlValue } from "../statement.js";

/**
 * Runs an operation on a database that nobody else has, in the transaction that the caller has open. Nothing
 * is told to who watches.
 */
export function runScript<T>(database: Database.Database, script: Script<T>): T {
  let step = script.next();
  while (!step.done) {
    if (step.value.wants === "recordingTime") {
      step = script.next(undefined);
      continue;
    }
    const { statement, params, wants } = step.value;
    const prepared = database.prepare<SqlValue[]>(statement.sql);
    if (prepared.reader) prepared.raw();
    if (wants === "first") step = script.next(prepared.get(...params) as Row | undefined);
    else if (wants === "all") step = script.next(prepared.all(...params) as Row[]);
    else step = script.next(prepared.run(...params).changes);
  }
  return step.value;
}
