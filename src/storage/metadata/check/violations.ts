import type Database from "better-sqlite3";
import { isKind } from "../../../model/errors.js";
import type { Ino } from "../../../model/ids.js";
import { sqliteError } from "../sqlite/sqlite-error.js";
import { PAGES } from "./database-rules.js";
import { TABLES } from "./missing-tables.js";
import type { Finder, Rule, Violation } from "./rule.js";
import { RULES } from "./rules.js";
import { type SchemaObject, schemaViolations } from "./schema-rule.js";

/** With such damage, nothing else that is asked means anything. */
export const UNREADABLE: readonly Rule[] = [PAGES, TABLES];

/** Of one rule, no more are told of: whoever reads a thousand knows what is going on. */
const MOST_OF_A_RULE = 1000;

/**
 * What breaks the rules. Each rule is looked at in a read transaction of its own, so a store that somebody
 * writes to isn't held up, and there it holds between any two transactions. When the database itself is damaged, or
 * lacks tables, only that is told. `schema` is the one that it should have. Errors: those of SQLite, but `corrupt`.
 */
export function findViolations(
  database: Database.Database,
  { schema }: { readonly schema: readonly SchemaObject[] },
): Violation[] {
  return [...violationsByRule(database, { schema })].flat();
}

/** {@link findViolations}, one rule after the other, for who has something else to do in between. */
export function* violationsByRule(
  database: Database.Database,
  { schema }: { readonly schema: readonly SchemaObject[] },
): Generator<Violation[]> {
  try {
    const broken = new Set<Rule>();
    for (const rule of RULES) {
      if (rule.follows !== undefined && !broken.has(rule.follows)) continue;
      const found = violationsOf(database, rule);
      if (found.length > 0) broken.add(rule);
      yield found;
      if (UNREADABLE.includes(rule) && found.length > 0) return;
    }
    yield schemaViolations(database, schema);
  } catch (error) {
    const failure = sqliteError(error, "check the database");
    if (!isKind(failure, "corrupt")) throw failure;
    yield [{ rule: PAGES, ino: undefined, detail: failure.message }];
  }
}

/** Whether anything breaks a rule. Errors: those of SQLite. */
export function breaks(database: Database.Database, rule: Rule): boolean {
  return violationsOf(database, rule).length > 0;
}

/** What breaks one rule. Errors: those of SQLite. */
export function violationsOf(database: Database.Database, rule: Rule): Violation[] {
  return found(database, rule).map(({ ino, detail }) => ({
    ...{ rule, detail },
    ino: ino === null ? undefined : (ino as Ino),
  }));
}

function found(database: Database.Database, { finds }: Rule): ReturnType<Finder> {
  if (typeof finds !== "string") return finds(database).slice(0, MOST_OF_A_RULE);
  const rows = `SELECT * FROM (${finds}) LIMIT ${MOST_OF_A_RULE}`;
  return database.prepare<[], { ino: number | null; detail: string }>(rows).all();
}
