import type Database from "better-sqlite3";
import { PAGES } from "../metadata/check/database-rules.js";
import { Paths } from "../metadata/check/paths.js";
import type { SchemaObject } from "../metadata/check/schema-rule.js";
import { findViolations } from "../metadata/check/violations.js";
import { type Finding, somePaths } from "./finding.js";

/** What breaks the rules of the metadata, with the paths that it is about. */
export function checkMetadata(
  database: Database.Database,
  { schema }: { readonly schema: readonly SchemaObject[] },
): Finding[] {
  const violations = findViolations(database, { schema });
  // What leads from a damaged page to a path can't be trusted, and may not even end.
  const isReadable = !violations.some(({ rule }) => rule === PAGES);
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
