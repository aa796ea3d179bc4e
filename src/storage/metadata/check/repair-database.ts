import type Database from "better-sqlite3";
import { SystemClock } from "../../../model/clock.js";
import { isKind, type NexusError } from "../../../model/errors.js";
import { PathIdSource } from "../../../model/path-id.js";
import { timestampToMs } from "../../../model/timestamp.js";
import { runScript } from "../sqlite/run-script.js";
import { sqliteError } from "../sqlite/sqlite-error.js";
import type { RepairTools, Rule, Violation } from "./rule.js";
import { RULES } from "./rules.js";
import { repairSchema, type SchemaObject } from "./schema-rule.js";
import { ROOT_KIND } from "./tree-rules.js";
import { findViolations, UNREADABLE } from "./violations.js";

/** With these, each change may do more damage. */
export const HOPELESS: readonly Rule[] = [...UNREADABLE, ROOT_KIND];

/** What follows from what was mended is mended in the next round. */
const MOST_ROUNDS = 4;

export interface RepairOptions extends Pick<RepairTools, "owner"> {
  /** The one that the database should have. */
  readonly schema: readonly SchemaObject[];
}

/**
 * Mends what needs no guess, each rule in a transaction of its own, and returns what is left. A database with
 * damaged pages is left as it is. The connection is this program's alone. Errors, when all others are mended: those of
 * mending one.
 */
export function repairDatabase(
  database: Database.Database,
  { schema, owner }: RepairOptions,
): Violation[] {
  let failure: NexusError | undefined;
  for (let round = 1; ; round++) {
    const left = findViolations(database, { schema });
    const canBeMended = left.some(({ rule }) => rule.repair?.run !== undefined);
    const isHopeless = left.some(({ rule }) => HOPELESS.includes(rule));
    if (!canBeMended || isHopeless || round > MOST_ROUNDS) {
      if (failure !== undefined) throw failure;
      return left;
    }
    failure = mend(database, { left, schema, owner });
    // What one repair finds to be beyond it ends them all; none is half done.
    if (isKind(failure, "corrupt")) return findViolations(database, { schema });
  }
}

/** Returns why one can't be mended, if that is so. */
function mend(
  database: Database.Database,
  { left, schema, owner }: RepairOptions & { left: readonly Violation[] },
): NexusError | undefined {
  let failure: NexusError | undefined;
  repairSchema(database, schema);
  const broken = new Set(left.map(({ rule }) => rule.id));
  for (const rule of RULES) {
    if (!broken.has(rule.id)) continue;
    try {
      repairRule(database, { rule, owner });
    } catch (error) {
      failure = sqliteError(error, `repair what breaks ${rule.id}`);
      if (isKind(failure, "corrupt")) break;
    }
  }
  return failure;
}

/** Mends what breaks one rule, in a transaction, if that is for the database to mend. Errors: those of its repair. */
export function repairRule(
  database: Database.Database,
  { rule, owner }: Pick<RepairTools, "owner"> & { readonly rule: Rule },
): void {
  if (rule.repair?.run === undefined) return;
  const now = new SystemClock().now();
  const pathIds = new PathIdSource();
  const newPathId = () => pathIds.next(timestampToMs(now));
  const script = rule.repair.run({ now, newPathId, owner });
  database.transaction(() => runScript(database, script))();
}
