import { setImmediate } from "node:timers/promises";
import type Database from "better-sqlite3";
import { Paths } from "../metadata/check/paths.js";
import type { Violation } from "../metadata/check/rule.js";
import type { SchemaObject } from "../metadata/check/schema-rule.js";
import { UNREADABLE, violationsByRule } from "../metadata/check/violations.js";
import { type Finding, somePaths } from "./finding.js";

/**
 * What breaks the rules of the metadata, with the paths that it is about. Errors: the reason of `signal`, looked at
 * between two rules.
 */
export async function checkMetadata(
  database: Database.Database,
  { schema, signal }: { readonly schema: readonly SchemaObject[]; readonly signal: AbortSignal },
): Promise<Finding[]> {
  const violations: Violation[] = [];
  for (const found of violationsByRule(database, { schema })) {
    violations.push(...found);
    await setImmediate();
    signal.throwIfAborted();
  }
  // What leads from a damaged page to a path can't be trusted, and may not even end; without its table, nothing leads.
  const isReadable = !violations.some(({ rule }) => UNREADABLE.includes(rule));
  const paths = isReadable ? new Paths(database) : undefined;
  return violations.map(({ rule, ino, detail }) => {
    const path = ino === undefined ? undefined : paths?.of(ino);
    return {
      ...{ rule: rule.id, severity: "damage", effect: rule.effect, repair: rule.repair?.says },
      ...somePaths([path]),
      what: path === undefined && ino !== undefined ? `inode ${ino}: ${detail}` : detail,
    };
  });
}
