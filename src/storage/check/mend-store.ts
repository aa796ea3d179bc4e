import type Database from "better-sqlite3";
import { messageOf, NexusError } from "../../model/errors.js";
import { type ContentHash, isContentHash } from "../../model/ids.js";
import { casPath, type Layout } from "../content/local/layout.js";
import { Quarantine } from "../content/local/quarantine.js";
import { crowdedDirectories } from "../metadata/check/directory-names.js";
import { lostInodes } from "../metadata/check/lost-inodes.js";
import { openForCheck } from "../metadata/check/open-for-check.js";
import { HOPELESS, repairDatabase } from "../metadata/check/repair-database.js";
import type { Violation } from "../metadata/check/rule.js";
import type { SchemaObject } from "../metadata/check/schema-rule.js";
import { IS_FORSAKEN, IS_UNCLAIMED } from "../metadata/operations/count-contents.js";
import { type Finding, type Problem, somePaths } from "./finding.js";

export interface StoreToMend {
  readonly dataDir: string;
  readonly databasePath: string;
  readonly layout: Layout;
  /** Who owns what is made. */
  readonly owner: { readonly uid: number; readonly gid: number };
}

export interface ToMend {
  readonly problems: readonly Problem[];
  /** The one that the database should have. */
  readonly schema: readonly SchemaObject[];
}

export interface Mended {
  /** What couldn't be mended. */
  readonly failures: Finding[];
  /** Whether the rows are mended, as far as that needs no guess. */
  readonly isDatabaseMended: boolean;
}

/**
 * Mends what was found; tells what couldn't be, which keeps nothing else from it. In this order:
 *
 * 1. contents: their rows say what the rows of files are compared with;
 * 2. a note of what is left of lost inodes, and of the names of a directory that has several, and another name for
 *    contents that lost inodes alone had kept, durable before that goes;
 * 3. the database, which takes no content its count away that no file has then: so whenever this is cut short, no
 *    start removes that;
 * 4. those contents are put away; when that is durable, their rows go.
 */
export function mendStore(store: StoreToMend, { problems, schema }: ToMend): Mended {
  const { owner, databasePath } = store;
  const failures: Finding[] = [];
  let isDatabaseMended = false;
  const attempt = (what: string, work: () => void) => {
    try {
      work();
    } catch (error) {
      failures.push(failed(`${what}: ${messageOf(error)}`));
    }
  };
  const quarantine = new Quarantine(store.dataDir);
  const database = openForCheck(databasePath, { access: "write" });
  try {
    for (const { what, mend } of problems) {
      if (mend !== undefined) attempt(what, () => mend(database));
    }
    attempt("the database", () => {
      const lost = lostInodes(database);
      for (const { ino, path, metadata, target } of lost) {
        const why = `inode ${ino}, which is lost, had this`;
        quarantine.note({ why, ...somePaths([path]), metadata, target });
      }
      for (const { ino, paths } of crowdedDirectories(database)) {
        const why = `directory ${ino} had more than one name`;
        quarantine.note({ why, ...somePaths(paths) });
      }
      const { paths } = somePaths(lost.map(({ path }) => path));
      putForsakenAway(database, { ...store, quarantine, paths });
      quarantine.sync();
      requireMended(repairDatabase(database, { schema, owner }));
      isDatabaseMended = true;
      putUnclaimedAway(database, { ...store, quarantine, paths, attempt });
    });
  } finally {
    database.close();
  }
  return { failures, isDatabaseMended };
}

/** Errors: `corrupt` for what the repair should have mended, or has no hope of mending. */
function requireMended(left: readonly Violation[]): void {
  for (const { rule, detail } of left) {
    if (rule.repair?.run === undefined && !HOPELESS.includes(rule)) continue;
    throw new NexusError("corrupt", `it still isn't so that ${rule.says}: ${detail}`);
  }
}

interface ToPutAway extends Pick<StoreToMend, "layout"> {
  readonly quarantine: Quarantine;
  /** Of lost inodes: some of these had them. */
  readonly paths: readonly string[];
}

/** The start that comes next lets go of them. Until then, somebody has them, or may go back to them. */
function putForsakenAway(
  database: Database.Database,
  { layout, quarantine, paths }: ToPutAway,
): void {
  const forsaken = `SELECT hash FROM contents c WHERE ${IS_FORSAKEN}`;
  for (const hash of database.prepare<[], ContentHash>(forsaken).pluck().all()) {
    if (!isContentHash(hash)) continue;
    quarantine.keep(casPath(layout, hash), { why: saidToHave({ paths }), paths });
  }
}

function putUnclaimedAway(
  database: Database.Database,
  {
    layout,
    quarantine,
    paths,
    attempt,
  }: ToPutAway & {
    readonly attempt: (what: string, work: () => void) => void;
  },
): void {
  const unclaimed = database
    .prepare<[], ContentHash>(`SELECT hash FROM contents c WHERE ${IS_UNCLAIMED}`)
    .pluck();
  const forget = database.prepare(`DELETE FROM contents AS c WHERE hash = ? AND ${IS_UNCLAIMED}`);
  const why = saidToHave({ paths });
  const away: ContentHash[] = [];
  for (const hash of unclaimed.all().filter(isContentHash)) {
    attempt(`the content ${hash}`, () => {
      quarantine.put(casPath(layout, hash), { why, paths });
      away.push(hash);
    });
  }
  attempt("the contents that are put away", () => {
    quarantine.sync();
    database.transaction(() => {
      for (const hash of away) forget.run(hash);
    })();
  });
}

function saidToHave({ paths }: Pick<ToPutAway, "paths">): string {
  return `it is a content that files are said to have, and none has${
    paths.length > 0 ? ": it may be of one of these paths, whose inodes are lost" : ""
  }`;
}

function failed(what: string): Finding {
  return {
    ...{ rule: "repair.failed", severity: "damage", what, paths: [], morePaths: 0 },
    effect: "it stays as it is; all else is repaired",
    repair: undefined,
  };
}
