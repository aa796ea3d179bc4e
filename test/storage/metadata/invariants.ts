import { join } from "node:path";
import Database from "better-sqlite3";
import { currentSchema } from "../../../src/storage/metadata/check/schema-rule.js";
import { findViolations } from "../../../src/storage/metadata/check/violations.js";

export const SCHEMA = currentSchema();

/** What breaks the rules in the database of a data directory, by the ids of the rules. */
export function brokenInvariants(dataDir: string): Record<string, unknown[]> {
  const database = new Database(join(dataDir, "metadata.db"), { fileMustExist: true });
  try {
    const broken: Record<string, unknown[]> = {};
    for (const { rule, ino, detail } of findViolations(database, { schema: SCHEMA })) {
      broken[rule.id] = [...(broken[rule.id] ?? []), { ino, detail }];
    }
    return broken;
  } finally {
    database.close();
  }
}
