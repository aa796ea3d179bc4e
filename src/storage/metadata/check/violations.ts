import type Database from "better-sqlite3";
import { isKind } from "../../../model/errors.js";
import type { Ino } from "../../../model/ids.js";
import { sqliteError } from "../sqlite/sqlite-error.js";
import { PAGES } from "./database-rules.js";
import type { Rule, Violation } from "./rule.js";
import { RULES } from "./rules.js";
import { type SchemaObject, schemaViolations } from "./schema-rule.js";

/** Of one rule, no more are told of: whoever reads a thousand knows what is going on. */
const MOST_OF_A_RULE = 1000;

/**
 * What breaks the rules. Each rule is looked at in a read transaction of its own, so a store that somebody
 * writes to isn't held up, and there it holds between any two transactions. When the database itself is damaged,
 * only that is told. `schema` is the one that it should have. Errors: those of SQLite, but `corrupt`.
 */
export function findViolations(
  database: Database.Database,
  { schema }: { readonly schema: readonly SchemaObject[] },
): Violation[] {
  const found: Violation[] = [];
  try {
    for (const rule of RULES) {
      found.push(...violationsOf(database, rule));
      if (rule === PAGES && found.length > 0) return found;
    }
    found.push(...schemaViolations(database, schema));
    return found;
  } catch (error) {
    const failure = sqliteError(error, "check the database");
    if (!isKind(failure, "corrupt")) throw failure;
    return [{ rule: PAGES, ino: undefined, detail: failure.message }];
  }
}

/** Whether anything breaks a rule. Errors: those of SQLite. */
export function breaks(database: Database.Database, rule: Rule): boolean {
  return database.prepare(`SELECT 1 FROM (${rule.finds}) LIMIT 1`).get() !== undefined;
}

function violationsOf(database: Database.Database, rule: Rule): Violation[] {
  const query = database.prepare<[], { ino: number | null; detail: string }>(
    `SELECT * FROM (${rule.finds}) LIMIT ${MOST_OF_A_RULE}`,
  );
  return query.all().map(({ ino, detail }) => ({
    ...{ rule, detail },
    ino: ino === null ? undefined : (ino as Ino),
  }));
}
