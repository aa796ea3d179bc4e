import { S_IFMT, S_IFREG } from "../../../model/attributes.js";
import type { Ino } from "../../../model/ids.js";
import type { Timestamp } from "../../../model/timestamp.js";
import { WORK_KEY, WORK_STATUSES } from "../../../model/work.js";
import { pathOf } from "../migrations/005-ending-paths.js";
import {
  all,
  command,
  first,
  integer,
  LIMIT_PARAMETER,
  optionalText,
  query,
  run,
  type Script,
  text,
} from "../statement.js";
import type {
  FileToResolve,
  FileWithWork,
  ResolvedReference,
  WorkIndexEntry,
} from "../work-store.js";
import { getMetadata } from "./metadata-row.js";
import {
  fileMeantBy,
  meaningOf,
  resolveAwaited,
  resolveWaiting,
  setDependencies,
} from "./work-dependencies.js";
import { enterStatus } from "./work-status.js";

/** In SQL: whether the index was ever made. A migration leaves that to the next start. */
export const HAS_WORK_INDEX = "(SELECT work_rules FROM store_state WHERE id = 1) IS NOT NULL";

const RULES = query("SELECT work_rules FROM store_state WHERE id = 1");
const SET_RULES = command("UPDATE store_state SET work_rules = ? WHERE id = 1");
/** Damage has names with a slash in them: then the path has a character that there can't be, and isn't another's. */
const unsplit = (name: string) => `replace(${name}, '/', char(0))`;
const FILES = query(
  `SELECT i.ino, ${pathOf("i.ino", unsplit)},
     (SELECT value FROM file_metadata d WHERE d.ino = i.ino AND d.key = 'depends_on')
   FROM inodes i
   WHERE i.ino > ? AND i.mode & ${S_IFMT} = ${S_IFREG} AND EXISTS (
     SELECT 1 FROM file_metadata m WHERE m.ino = i.ino AND m.key IN ('status', 'depends_on'))
   ORDER BY i.ino ${LIMIT_PARAMETER}`,
);
const IS_ITEM = query("SELECT 1 FROM work_items WHERE ino = ?");
const SET_ZONE = command("UPDATE work_items SET zone = ? WHERE ino = ?");

export function* workIndexRules(): Script<string | undefined> {
  const row = yield* first(RULES);
  return row === undefined ? undefined : optionalText(row, 0);
}

export function* setWorkIndexRules(rules: string): Script<void> {
  yield* run(SET_RULES, rules);
}

/** By no rules: the next start brings it in line again. */
export function* renewWorkIndex(): Script<void> {
  yield* setWorkIndexRules("");
}

export function* filesWithWork({
  after,
  limit,
}: {
  after: Ino;
  limit: number;
}): Script<FileWithWork[]> {
  const rows = yield* all(FILES, after, limit);
  return rows.map((row) => ({
    ino: integer(row, 0) as Ino,
    path: optionalText(row, 1),
    dependsOn: typeof row[2] === "string" ? text(row, 2) : undefined,
  }));
}

export function* reindexWork(entries: readonly WorkIndexEntry[], now: Timestamp): Script<void> {
  for (const { ino, zone } of entries) {
    const value = yield* getMetadata(ino, WORK_KEY.status);
    const status = WORK_STATUSES.find((known) => known === value);
    const moved = yield* run(SET_ZONE, zone, ino);
    if (moved === 0 && status !== undefined) yield* enterStatus(ino, { status, now, zone });
  }
}

export function* reindexDependencies(
  { ino, references }: FileToResolve,
  now: Timestamp,
): Script<void> {
  if (references === undefined) yield* resolveWaiting(ino, now);
  else {
    const resolved: ResolvedReference[] = [];
    for (const reference of references) {
      resolved.push({ reference, ino: yield* fileMeantBy(ino, meaningOf(reference)) });
    }
    yield* setDependencies(ino, { references: resolved, now });
  }
  if ((yield* first(IS_ITEM, ino)) !== undefined) yield* resolveAwaited(ino, now);
}
