import type Database from "better-sqlite3";
import type { Answer, Row, Script, SqlValue } from "../statement.js";

/** Runs an operation on a connection that nobody else uses, in a transaction of its own. Changes aren't recorded. */
export function runScript<T>(database: Database.Database, script: Script<T>): T {
  return database.transaction(() => {
    let step = script.next(undefined);
    while (!step.done) {
      const { value } = step;
      if (value.wants === "recordingTime") {
        step = script.next(undefined);
        continue;
      }
      const prepared = database.prepare<SqlValue[]>(value.statement.sql);
      if (prepared.reader) prepared.raw();
      let answer: Answer[keyof Answer];
      if (value.wants === "first") answer = prepared.get(...value.params) as Row | undefined;
      else if (value.wants === "all") answer = prepared.all(...value.params) as Row[];
      else answer = prepared.run(...value.params).changes;
      step = script.next(answer);
    }
    return step.value;
  })();
}
