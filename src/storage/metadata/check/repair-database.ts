import type Database from "better-sqlite3";
import { SystemClock } from "../../../model/clock.js";
import { isKind } from "../../../model/errors.js";
import { PathIdSource } from "../../../model/path-id.js";
import { timestampToMs } from "../../../model/timestamp.js";
import { runScript } from "../sqlite/run-script.js";
import { sqliteError } from "../sqlite/sqlite-error.js";
import { PAGES } from "./database-rules.js";
import type { RepairTools, Rule, Violation } from "./rule.js";
import { RULES } from "./rules.js";
import { repairSchema, type SchemaObject } from "./schema-rule.js";
import { ROOT_KIND } from "./tree-rules.js";
import { findViolations } from "./violations.js";

/** With these, each change may do more damage. */
const HOPELESS: readonly Rule[] = [PAGES, ROOT_KIND];

/** What follows from what was mended is mended in the next round. */
const MOST_ROUNDS = 4;

export interface RepairOptions extends Pick<RepairTools, "owner"> {
  /** The one that the database should have. */
  readonly schema: readonly SchemaObject[];
}

/**
 * Mends what needs no guess, each rule in a transaction of its own, and returns what is left. A database with
 * damaged pages is left as it is. The connection is this program's alone.
 */
export function repairDatabase(
  database: Database.Database,
  { schema, owner }: RepairOptions,
): Violation[] {
  for (let round = 1; ; round++) {
    const left = findViolations(database, { schema });
    const canBeMended = left.some(({ rule }) => rule.repair !== undefined);
    const isHopeless = left.some(({ rule }) => HOPELESS.includes(rule));
    if (!canBeMended || isHopeless || round > MOST_ROUNDS) return left;
    try {
      mend(database, { left, schema, owner });
    } catch (error) {
      // What one repair finds to be beyond it ends them all; none is half done.
      if (!isKind(sqliteError(error, "repair the database"), "corrupt")) throw error;
      return findViolations(database, { schema });
    }
  }
}

function mend(
  database: Database.Database,
  { left, schema, owner }: RepairOptions & { left: readonly Violation[] },
): void {
  const clock = new SystemClock();
  const pathIds = new PathIdSource();
  repairSchema(database, schema);
  const broken = new Set(left.map(({ rule }) => rule.id));
  for (const { id, repair } of RULES) {
    if (repair === undefined || !broken.has(id)) continue;
    const now = clock.now();
    const newPathId = () => pathIds.next(timestampToMs(now));
    database.transaction(() => runScript(database, repair.run({ now, newPathId, owner })))();
  }
}
