import type Database from "better-sqlite3";
import type { Ino } from "../../model/ids.js";
import { isName } from "../../model/path.js";
import type { Paths } from "../metadata/check/paths.js";
import { renewWorkIndex } from "../metadata/operations/work-index.js";
import { runScript } from "../metadata/sqlite/run-script.js";
import { type Problem, problem, somePaths } from "./finding.js";

/** What a configuration makes of paths. */
export interface Zones {
  /** All that decides it, as text: the queue's index says by which it was made. */
  readonly rules: string;
  /** The zone of a path, as the queue writes it. */
  readonly of: (path: string) => string;
}

interface NamedItem {
  readonly ino: Ino;
  readonly zone: string;
  readonly parent: Ino;
  readonly name: string;
}

const RULES = "SELECT work_rules FROM store_state WHERE id = 1";
const NAMED_ITEMS = `SELECT w.ino, w.zone, d.parent, d.name
  FROM work_items w JOIN dentries d ON d.ino = w.ino WHERE w.is_named = 1 ORDER BY w.ino`;

/**
 * Items of the queue that it has in a zone where they aren't. An index that was made by another configuration is
 * made anew by the next start, and isn't looked at.
 */
export function wrongZones({
  database,
  paths,
  zones,
}: {
  readonly database: Database.Database;
  readonly paths: Paths;
  readonly zones: Zones;
}): Problem[] {
  // Somebody may move them meanwhile: in a transaction, names and zones are those of one moment.
  return database.transaction(() => {
    if (database.prepare(RULES).pluck().get() !== zones.rules) return [];
    const wrong = new Map<Ino, { readonly item: NamedItem; readonly path: string }>();
    const right = new Set<Ino>();
    for (const item of database.prepare<[], NamedItem>(NAMED_ITEMS).all()) {
      const above = paths.names(item.parent);
      if (above === undefined) continue;
      const names = [...above, item.name];
      // With an impossible name it is moved; then it gets the zone of that place.
      if (!names.every(isName)) continue;
      const path = `/${names.join("/")}`;
      if (zones.of(path) === item.zone) right.add(item.ino);
      else if (!wrong.has(item.ino)) wrong.set(item.ino, { item, path });
    }
    // Of several names, it may have been put there by any.
    for (const ino of right) wrong.delete(ino);
    return Array.from(wrong.values(), problemOf);
  })();
}

function problemOf({
  item: { zone },
  path,
}: {
  readonly item: NamedItem;
  readonly path: string;
}): Problem {
  return problem(
    {
      ...{ rule: "work.zone", severity: "damage", ...somePaths([path]) },
      what: `the queue has it in the zone ${zone}, where it isn't`,
      effect: "workers of its tenant don't get it, and others may be told that there is work",
      repair: "has the zone found anew from its path",
    },
    (writable) => runScript(writable, renewWorkIndex()),
  );
}
