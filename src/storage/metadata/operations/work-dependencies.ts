import { NexusError } from "../../../model/errors.js";
import { type Ino, ROOT_INO } from "../../../model/ids.js";
import type { Timestamp } from "../../../model/timestamp.js";
import type { DependencyReference } from "../../../model/work.js";
import { pathOf } from "../migrations/005-ending-paths.js";
import {
  all,
  command,
  first,
  integer,
  optionalText,
  query,
  type Row,
  run,
  type Script,
  text,
} from "../statement.js";
import type { Dependency, DependencyState, ResolvedReference } from "../work-store.js";
import { enterStatus, recordState, recount } from "./work-status.js";

// Dependencies are edges from an item to a file. One that is written as a path or a path_id of a file
// that isn't there yet waits, and finds it when that file becomes part of the queue or gets the name.

const HAS_DEPENDENTS = query("SELECT 1 FROM work_dependencies WHERE target_ino = ? LIMIT 1");
const REACHES = query(
  `WITH RECURSIVE reach (ino) AS (
     SELECT ?
     UNION SELECT d.target_ino FROM reach JOIN work_dependencies d ON d.ino = reach.ino
     WHERE d.target_ino IS NOT NULL
   ) SELECT 1 FROM reach WHERE ino = ? LIMIT 1`,
);
const DELETE_EDGES = command("DELETE FROM work_dependencies WHERE ino = ?");
const HAS_EDGES = query("SELECT 1 FROM work_dependencies WHERE ino = ? LIMIT 1");
const INSERT_EDGE = command(
  `INSERT INTO work_dependencies (ino, position, reference, path, path_id, target_ino, is_satisfied)
   VALUES (?, ?, ?, ?, ?, ?, EXISTS (SELECT 1 FROM work_items WHERE ino = ? AND status = 'completed'))`,
);
const BLOCKED = query("SELECT 1 FROM work_items WHERE ino = ? AND status = 'blocked'");
const AWAITED = query(
  "SELECT 1 FROM work_dependencies WHERE target_ino IS NULL AND path IS NOT NULL LIMIT 1",
);
const AWAITED_AT = query(
  "SELECT ino, position FROM work_dependencies WHERE target_ino IS NULL AND path = ?",
);
const AWAITED_BELOW = query(
  `SELECT ino, position, path FROM work_dependencies
   WHERE target_ino IS NULL AND path >= ? AND path < ?`,
);
/** A path_id finds what lies in the item's own zone or in the open one, whoever wrote it: `w` may wait for `own`. */
const IS_WITHIN_REACH = "own.zone IN (w.zone, '/')";
/** One that means another inode means one that is gone: an import has brought the file back. */
const AWAITED_BY_ID = query(
  `SELECT d.ino, d.position FROM inodes i JOIN work_dependencies d ON d.path_id = i.path_id
     JOIN work_items own ON own.ino = i.ino JOIN work_items w ON w.ino = d.ino
   WHERE i.ino = ? AND d.is_satisfied = 0 AND d.target_ino IS NOT i.ino AND ${IS_WITHIN_REACH}`,
);
const WITH_ID = query(
  `SELECT i.ino FROM inodes i JOIN work_items own ON own.ino = i.ino JOIN work_items w ON w.ino = ?
   WHERE i.path_id = ? AND i.nlink > 0 AND ${IS_WITHIN_REACH}`,
);
const WAITING = query(
  `SELECT ino, position, path, path_id FROM work_dependencies
   WHERE ino = ? AND target_ino IS NULL AND is_satisfied = 0 ORDER BY position`,
);
const RESOLVE_EDGE = command(
  `UPDATE work_dependencies SET target_ino = ?,
     is_satisfied = EXISTS (SELECT 1 FROM work_items WHERE ino = ? AND status = 'completed')
   WHERE ino = ? AND position = ?`,
);
/** Of every name. The root has no entry to be found by. */
const PATHS = query(
  `SELECT CASE d.parent WHEN ${ROOT_INO} THEN '' ELSE ${pathOf("d.parent")} END || '/' || d.name
   FROM dentries d WHERE d.ino = ?`,
);
const ENTRY = query("SELECT ino, type FROM dentries WHERE parent = ? AND name = ?");
const HIDE = command("UPDATE work_items SET is_named = 0 WHERE ino = ?");
const SHOW = command("UPDATE work_items SET is_named = 1 WHERE ino = ? AND is_named = 0");
const LOSE_TARGET = command(
  `UPDATE work_dependencies SET target_ino = NULL
   WHERE target_ino = ? AND is_satisfied = 0 AND path IS NOT NULL`,
);
const FORGET_ITEM = command("DELETE FROM work_items WHERE ino = ?");
const LIST = query(
  `SELECT d.reference, d.is_satisfied, d.target_ino, i.nlink, t.status, ${pathOf("d.target_ino")}, d.path
   FROM work_dependencies d LEFT JOIN inodes i ON i.ino = d.target_ino
     LEFT JOIN work_items t ON t.ino = d.target_ino
   WHERE d.ino = ? ORDER BY d.position`,
);

const STATUS = query("SELECT status FROM work_items WHERE ino = ?");

/** `struct dirent` has these types. */
const DIRECTORY = 4;
const REGULAR = 8;

/**
 * Replaces what an item depends on. Returns without a change when it can't be done. Errors:
 * `invalid-argument` when it would wait for itself.
 */
export function* setDependencies(
  ino: Ino,
  { references, now }: { references: readonly ResolvedReference[]; now: Timestamp },
): Script<void> {
  yield* resolveAwaited(ino, now);
  for (const { ino: target, reference } of references) {
    if (target !== undefined && (yield* isCycle(ino, target))) {
      throw new NexusError(
        "invalid-argument",
        `'${reference.text}' waits for this item: a cycle of dependencies would never be ready`,
        { op: "set depends_on" },
      );
    }
  }
  const had = (yield* first(HAS_EDGES, ino)) !== undefined;
  if (had) yield* run(DELETE_EDGES, ino);
  for (const [position, { reference, ino: target = null }] of references.entries()) {
    const { path = null, pathId = null } = meaningOf(reference);
    yield* run(INSERT_EDGE, ino, position, reference.text, path, pathId, target, target);
  }
  yield* recount(ino, now);
  // What it waited for is gone, and nothing else would wake it.
  const isIdle = had && references.length === 0 && (yield* first(BLOCKED, ino)) !== undefined;
  if (isIdle) yield* enterStatus(ino, { status: "ready", now });
}

/** What an edge has of a reference: one of the two. */
export interface Meaning {
  readonly path: string | undefined;
  readonly pathId: string | undefined;
}

export function meaningOf(reference: DependencyReference): Meaning {
  return {
    path: reference.by === "path" ? reference.path : undefined,
    pathId: reference.by === "path-id" ? reference.pathId : undefined,
  };
}

/**
 * The file that a reference of an item means. A path was allowed to whoever wrote it, or it wouldn't be there; a
 * path_id is no such proof.
 */
export function* fileMeantBy(item: Ino, { path, pathId }: Meaning): Script<Ino | undefined> {
  if (path !== undefined) return yield* findFile(ROOT_INO, path.slice(1).split("/"));
  const row = pathId === undefined ? undefined : yield* first(WITH_ID, item, pathId);
  return row === undefined ? undefined : (integer(row, 0) as Ino);
}

/** Looks for what the item waits for, in case that is there. */
export function* resolveWaiting(item: Ino, now: Timestamp): Script<void> {
  for (const edge of yield* all(WAITING, item)) {
    const [path, pathId] = [optionalText(edge, 2), optionalText(edge, 3)];
    const target = yield* fileMeantBy(item, { path, pathId });
    if (target !== undefined) yield* resolveEdges([edge], { target, now });
  }
}

/** The file is there now: dependencies that waited for its path or its path_id mean it. */
export function* resolveAwaited(ino: Ino, now: Timestamp): Script<void> {
  const waiting = [...(yield* all(AWAITED_BY_ID, ino))];
  const paths = (yield* first(AWAITED)) === undefined ? [] : yield* all(PATHS, ino);
  // NULL below a directory that was removed.
  for (const path of paths) {
    if (path[0] !== null) waiting.push(...(yield* all(AWAITED_AT, text(path, 0))));
  }
  yield* resolveEdges(waiting, { target: ino, now });
}

/**
 * An entry got this inode: files of the queue come with it, itself or below it, for whose paths somebody
 * waits.
 */
export function* noteArrival(
  ino: Ino,
  { type, now }: { type: number; now: Timestamp },
): Script<void> {
  if (type === REGULAR) {
    if ((yield* first(AWAITED)) !== undefined) yield* resolveAwaited(ino, now);
    return;
  }
  if (type !== DIRECTORY || (yield* first(AWAITED)) === undefined) return;
  const row = yield* first(PATHS, ino);
  if (row === undefined || row[0] === null) return;
  const base = text(row, 0);
  // '0' comes after '/'.
  for (const waiting of yield* all(AWAITED_BELOW, `${base}/`, `${base}0`)) {
    const below = text(waiting, 2).slice(base.length + 1);
    const target = yield* findFile(ino, below.split("/"));
    if (target !== undefined) yield* resolveEdges([waiting], { target, now });
  }
}

/** An inode got its first name. */
export function* noteNamed(ino: Ino): Script<void> {
  if ((yield* run(SHOW, ino)) > 0) yield* recordState(ino, undefined);
}

/** An inode lost its last name. Who waits for its path waits for whoever gets it next. */
export function* noteUnnamed(ino: Ino): Script<void> {
  yield* run(HIDE, ino);
  yield* run(LOSE_TARGET, ino);
}

/** The inode is gone. */
export function* forgetItem(ino: Ino): Script<void> {
  yield* run(FORGET_ITEM, ino);
  yield* run(DELETE_EDGES, ino);
}

export function* dependenciesOf(ino: Ino): Script<Dependency[]> {
  const dependencies: Dependency[] = [];
  for (const row of yield* all(LIST, ino)) {
    const target = row[2] === null ? undefined : (integer(row, 2) as Ino);
    const found: Dependency = {
      reference: text(row, 0),
      state: dependencyState(row),
      ino: target,
      path: optionalText(row, 5),
    };
    dependencies.push(target === undefined ? yield* withNewcomer(ino, found, row) : found);
  }
  return dependencies;
}

/**
 * A file that was made under the awaited path is noticed by the queue once it is part of it; who asks
 * before that isn't told that there is none.
 */
function* withNewcomer(item: Ino, dependency: Dependency, row: Row): Script<Dependency> {
  const path = optionalText(row, 6);
  const ino = path === undefined ? undefined : yield* findFile(ROOT_INO, path.slice(1).split("/"));
  if (ino === undefined) return dependency;
  if (yield* isCycle(item, ino)) return { ...dependency, state: "cycle", ino, path };
  const [status] = (yield* first(STATUS, ino)) ?? [];
  const state = status === undefined ? "no work" : status === "failed" ? "failed" : "waiting";
  return { ...dependency, state, ino, path };
}

function dependencyState(row: Row): DependencyState {
  if (integer(row, 1) === 1) return "completed";
  if (row[2] === null) return "missing";
  if (row[3] === null || integer(row, 3) === 0) return "deleted";
  if (row[4] === null) return "no work";
  return row[4] === "failed" ? "failed" : "waiting";
}

/** Whether `ino` would wait for itself if it waited for `target`. */
function* isCycle(ino: Ino, target: Ino): Script<boolean> {
  if (ino === target) return true;
  if ((yield* first(HAS_DEPENDENTS, ino)) === undefined) return false;
  return (yield* first(REACHES, target, ino)) !== undefined;
}

/** One that would close a cycle goes on waiting: the rename that brought it can't be refused for that. */
function* resolveEdges(
  edges: readonly Row[],
  { target, now }: { target: Ino; now: Timestamp },
): Script<void> {
  for (const edge of edges) {
    const ino = integer(edge, 0) as Ino;
    if (yield* isCycle(ino, target)) continue;
    yield* run(RESOLVE_EDGE, target, target, ino, integer(edge, 1));
    yield* recount(ino, now);
  }
}

function* findFile(directory: Ino, names: readonly string[]): Script<Ino | undefined> {
  let at: Ino = directory;
  let type = DIRECTORY;
  for (const name of names) {
    const row = type === DIRECTORY ? yield* first(ENTRY, at, name) : undefined;
    if (row === undefined) return undefined;
    at = integer(row, 0) as Ino;
    type = integer(row, 1);
  }
  return type === REGULAR && at !== ROOT_INO ? at : undefined;
}
