import type Database from "better-sqlite3";
import { isKind, messageOf } from "../../model/errors.js";
import { type Behind, BehindNote } from "../behind-note.js";
import { whyBehind } from "../metadata/check/database-behind.js";
import { INDEXES } from "../metadata/check/database-rules.js";
import { openForCheck } from "../metadata/check/open-for-check.js";
import { repairRule } from "../metadata/check/repair-database.js";
import type { Rule } from "../metadata/check/rule.js";
import { STORE_STATE } from "../metadata/check/state-rules.js";
import { breaks, UNREADABLE, violationsOf } from "../metadata/check/violations.js";
import { isConstraint, sqliteError } from "../metadata/sqlite/sqlite-error.js";
import { behindFinding } from "./behind-finding.js";
import type { Finding } from "./finding.js";
import type { StoreToMend } from "./mend-store.js";
import { putStagingAway, type StagingToSort } from "./put-staging-away.js";

export interface StoreToPrepare extends StoreToMend, StagingToSort {
  readonly journalPath: string;
  /** Brings what the journal has into the database, and nothing else. */
  readonly replay: () => Promise<void>;
}

/** A store that can be looked at. */
export interface Prepared {
  /** What was found on the way there. */
  readonly known: readonly Finding[];
  /** Whether it could be opened; if not, its database is damaged in some way. */
  readonly isOpen: boolean;
  /** Looking at what was being written throws away what a crash left half-made. */
  readonly staging: "look" | "leave";
  /** What isn't looked at, in words. */
  readonly leftOut: readonly string[];
  /** That the database lacks changes, from now until a repair is over. */
  readonly behind: Behind | undefined;
}

const STAGED = "what is being written just now, which only the daemon knows";
const STAGED_OF_OTHERS = "what was being written: it goes with changes that the database lacks";
const STAGED_UNKNOWN = "what was being written: the store can't be opened as it is";

/**
 * Brings a store that nobody has open to where rows and files can be compared, as a start does, and not further than is
 * safe. In this order:
 *
 * 1. the pages of the database and its tables are looked at: what is damaged isn't written to; a repair makes wrong
 *    indexes anew, before anything is asked through them, and ends there where that can't be;
 * 2. that it lacks changes is noted before the journal, which tells of it, is overwritten; what belongs to these is put
 *    away before anything opens it, but only by a repair: somebody may put back the log that was taken away. Once the
 *    journal is another one, what it has is replayed first, whatever a note says;
 * 3. without a row of its state that can be gone on with, only a repair goes on, which is noted, too, before the
 *    journal counts as another's;
 * 4. the journal is replayed.
 *
 * Errors: those of opening but `corrupt`, of putting away, `io-failure`.
 */
export async function prepareStore(
  store: StoreToPrepare,
  { mode, action }: { readonly mode: "online" | "offline"; readonly action: "check" | "repair" },
): Promise<Prepared> {
  const untouched = { known: [], isOpen: true, staging: "leave", behind: undefined } as const;
  if (mode === "online") return { ...untouched, leftOut: [STAGED] };
  const damaged = { ...untouched, isOpen: false, leftOut: [] };
  if (!UNREADABLE.every((rule) => holds(store, rule))) return damaged;

  const note = new BehindNote(store.dataDir);
  const noted = note.read();
  const known: Finding[] = [];
  if (action === "repair" && !holds(store, INDEXES)) {
    note.beginRepair({ sinceMs: Date.now(), why: "an index was wrong", lacks: "rows" });
    const { isMended, findings } = mendIndexes(store);
    if (!isMended) {
      note.takeBack(noted);
      return { ...damaged, known: [...findings, ...told(noted)] };
    }
    for (const finding of findings) known.push(finding);
  }
  const now = behindNow(store);
  const behind = now ?? noted;
  for (const finding of told(behind)) known.push(finding);
  // With a note alone, the journal is the one of this database, which was used since: what was being written may have
  // its rows there.
  if (now !== undefined) {
    if (action === "check") return { ...untouched, known, behind, leftOut: [STAGED_OF_OTHERS] };
    note.beginRepair({ ...now, lacks: "changes" });
    for (const put of await putStagingAway(store)) known.push(put);
  }
  if (!holds(store, STORE_STATE)) {
    if (action === "check") return { ...untouched, known, behind, leftOut: [STAGED_UNKNOWN] };
    // Its journal may not be known to be its own any more.
    note.beginRepair({ sinceMs: Date.now(), why: "store_state was wrong", lacks: "rows" });
    for (const finding of mended(store, STORE_STATE)) known.push(finding);
  }
  const isOpen = await replayed(store);
  return { known, isOpen, staging: "look", leftOut: [], behind };
}

function behindNow(store: StoreToPrepare): Behind | undefined {
  const why = whyBehind(store);
  return why === undefined ? undefined : { sinceMs: Date.now(), why, notedBy: "repair" };
}

/** What can't be read doesn't hold. */
function holds(store: StoreToPrepare, rule: Rule): boolean {
  try {
    return look(store, (database) => !breaks(database, rule));
  } catch (error) {
    if (!isKind(sqliteError(error, "check the database"), "corrupt")) throw error;
    return false;
  }
}

/** Changes nothing. */
function look<T>({ databasePath }: StoreToPrepare, at: (database: Database.Database) => T): T {
  const database = openForCheck(databasePath, { access: "read" });
  try {
    return at(database);
  } finally {
    database.close();
  }
}

function told(behind: Behind | undefined): Finding[] {
  return behind === undefined ? [] : [behindFinding(behind)];
}

/** All of them or none, and what is to be told of that. They aren't where more is damaged, or rows keep one from it. */
function mendIndexes(store: StoreToPrepare): { isMended: boolean; findings: Finding[] } {
  try {
    return { isMended: true, findings: mended(store, INDEXES) };
  } catch (error) {
    if (isConstraint(error)) return { isMended: false, findings: [notMadeAnew(messageOf(error))] };
    if (!isKind(sqliteError(error, "repair the indexes"), "corrupt")) throw error;
    return { isMended: false, findings: [] };
  }
}

/** Which index it is of may be people's own, and then no rule tells of the rows. */
function notMadeAnew(why: string): Finding {
  return {
    ...{ rule: "repair.failed", severity: "damage", paths: [], morePaths: 0, repair: undefined },
    what: `the indexes can't be made anew: ${why}`,
    effect:
      "nothing is mended, as nothing that is asked through a wrong index is true: take the wrong rows out in SQL, or an index of your own that needn't be there, and repair it again; or restore a backup",
  };
}

/** Mends what breaks a rule, and tells of all of it. */
function mended(store: StoreToPrepare, rule: Rule): Finding[] {
  const broken = look(store, (database) => violationsOf(database, rule));
  const { databasePath, owner } = store;
  const database = openForCheck(databasePath, { access: "write" });
  try {
    repairRule(database, { rule, owner });
  } finally {
    database.close();
  }
  const { id, effect, repair } = rule;
  return broken.map(({ detail }) => ({
    ...{ rule: id, severity: "damage", what: detail, effect, repair: repair?.says },
    ...{ paths: [], morePaths: 0 },
  }));
}

/** Whether the journal could be replayed; if not, because the database is damaged. */
async function replayed({ replay }: StoreToPrepare): Promise<boolean> {
  try {
    await replay();
    return true;
  } catch (error) {
    if (!isKind(error, "corrupt")) throw error;
    return false;
  }
}
