import Database from "better-sqlite3";
import { MIGRATIONS } from "../migrations/index.js";
import { migrate } from "../sqlite/open-database.js";
import type { Rule, Violation } from "./rule.js";

/** A part of a schema, as `sqlite_schema` has it. */
export interface SchemaObject {
  readonly type: "table" | "index" | "view" | "trigger";
  readonly name: string;
  readonly sql: string;
}

const OBJECTS = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL";
const VERSION = "PRAGMA user_version";

const SCHEMA: Rule = {
  id: "database.schema",
  says: "tables, indexes, views and triggers are as this version makes them",
  effect: "what asks for it fails, or isn't kept up to date",
  finds: OBJECTS,
};
const DERIVED: Rule = {
  ...SCHEMA,
  repair: { says: "makes it anew", *run() {} },
};

/** What is missing or was changed. People's own views and tables are theirs. */
export function schemaViolations(
  database: Database.Database,
  schema: readonly SchemaObject[],
): Violation[] {
  return wrongObjects(database, schema).map(({ type, name }) => ({
    rule: type === "table" ? SCHEMA : DERIVED,
    ino: undefined,
    detail: `the ${type} ${name} is missing, or another one`,
  }));
}

/** Makes what can be made from the tables. Views and triggers have nothing of their own, nor have indexes. */
export function repairSchema(database: Database.Database, schema: readonly SchemaObject[]): void {
  database.transaction(() => {
    for (const { type, name, sql } of wrongObjects(database, schema)) {
      if (type === "table") continue;
      const found = database.prepare("SELECT type FROM sqlite_schema WHERE name = ?").pluck();
      const there = found.get(name);
      if (there === "table") continue;
      if (there !== undefined) database.exec(`DROP ${there} "${name}"`);
      database.exec(sql);
    }
  })();
}

/** What the migrations of this version make. It takes some milliseconds, so it is found once. */
export function currentSchema(): SchemaObject[] {
  return schemaAt(Number.POSITIVE_INFINITY);
}

/** What the migrations make up to a version of the schema. */
export function schemaAt(version: number): SchemaObject[] {
  const model = new Database(":memory:");
  try {
    migrate(model, { to: version });
    return objectsOf(model);
  } finally {
    model.close();
  }
}

function wrongObjects(
  database: Database.Database,
  schema: readonly SchemaObject[],
): SchemaObject[] {
  // Another version has other ones; opening brings them to this one's.
  if (database.prepare(VERSION).pluck().get() !== MIGRATIONS.at(-1)?.version) return [];
  const found = new Map(objectsOf(database).map(({ name, sql }) => [name, sql]));
  return schema.filter(({ name, sql }) => found.get(name) !== sql);
}

function objectsOf(database: Database.Database): SchemaObject[] {
  return database.prepare<[], SchemaObject>(OBJECTS).all();
}
