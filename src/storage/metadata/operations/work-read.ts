import { type Ino, type PathId, ROOT_INO } from "../../../model/ids.js";
import { WORK_STATUSES, type WorkStatus } from "../../../model/work.js";
import { NO_PRIORITY } from "../migrations/002-work.js";
import {
  all,
  first,
  integer,
  LIMIT_PARAMETER,
  query,
  type Row,
  type Script,
  type Statement,
  text,
} from "../statement.js";
import type { WorkCounts, WorkQuery, WorkRecord } from "../work-store.js";

function metadataOf(key: string): string {
  return `(SELECT value FROM file_metadata m WHERE m.ino = w.ino AND m.key = '${key}')`;
}

const ITEM = query(
  `SELECT w.urgency, w.created_us, w.ino, i.path_id, w.state, w.status, w.rank, w.zone, w.open_dependencies,
     ${metadataOf("worker_id")}, ${metadataOf("started_at")}, ${metadataOf("completed_at")},
     ${metadataOf("attempts")}, w.lease_end_us, i.size_bytes,
     i.btime_sec, i.btime_nsec, i.mtime_sec, i.mtime_nsec
   FROM work_items w JOIN inodes i ON i.ino = w.ino WHERE w.ino = ? AND w.is_named = 1`,
);
const ENTRY = query(
  "SELECT parent, name FROM dentries WHERE ino = ? ORDER BY parent, name LIMIT 1",
);
const FIRST_READY = query(
  "SELECT ino FROM work_items WHERE state = 'ready' ORDER BY urgency, created_us, ino LIMIT 1",
);
const BY_STATE = pageOf("urgency", "state = ?");
const BY_ZONE_AND_STATE = pageOf("urgency", "zone = ? AND state = ?");
const BY_RANK = pageOf("rank", "is_named = 1");
const BY_ZONE_AND_RANK = pageOf("rank", "zone = ? AND is_named = 1");
const ZONES = query(
  `SELECT zone FROM work_counts WHERE unnamed + ${WORK_STATUSES.join(" + ")} > 0`,
);
const COUNT = query(
  `SELECT ${WORK_STATUSES.map((state) => `coalesce(sum(${state}), 0)`).join(", ")} FROM work_counts`,
);
const COUNT_OF_ZONE = query(`SELECT ${WORK_STATUSES.join(", ")} FROM work_counts WHERE zone = ?`);

/** A page of positions comes from these two. */
interface Page {
  /** What is as urgent and as old as the last one that was seen: imported files may all be. */
  readonly ties: Statement;
  readonly rest: Statement;
}

/** One comparison of all three columns would look at every tie again for every page of them. */
function pageOf(order: "urgency" | "rank", condition: string): Page {
  const select = `SELECT ${order}, created_us, ino FROM work_items WHERE ${condition}`;
  const end = `ORDER BY ${order}, created_us, ino ${LIMIT_PARAMETER}`;
  return {
    ties: query(`${select} AND ${order} = ? AND created_us = ? AND ino > ? ${end}`),
    rest: query(`${select} AND (${order}, created_us) > (?, ?) ${end}`),
  };
}

const BEFORE_ALL = [Number.MIN_SAFE_INTEGER, 0] as const;

export function* workZones(): Script<string[]> {
  return (yield* all(ZONES)).map((row) => text(row, 0));
}

/** Undefined for one that has no name, too: it is in no list. */
export function* workItem(
  ino: Ino,
  paths: Map<Ino, string> = new Map(),
): Script<WorkRecord | undefined> {
  const row = yield* first(ITEM, ino);
  return row === undefined ? undefined : workRecord(row, yield* findPath(ino, paths));
}

export function* listWork(query: WorkQuery): Script<WorkRecord[]> {
  const paths = new Map<Ino, string>();
  const records: WorkRecord[] = [];
  for (const [urgency, , ino] of yield* positions(query)) {
    const record = yield* workItem(ino as Ino, paths);
    // In the list of all items, the place is the one by rank.
    if (record !== undefined) records.push({ ...record, urgency });
  }
  return records;
}

/** The inode of the first item that is ready. */
export function* firstReady(zones: readonly string[] | "all"): Script<Ino | undefined> {
  if (zones === "all") {
    const row = yield* first(FIRST_READY);
    return row === undefined ? undefined : (integer(row, 0) as Ino);
  }
  const [next] = yield* positions({ state: "ready", zones, limit: 1 });
  return next === undefined ? undefined : (next[2] as Ino);
}

type Position = readonly [urgency: number, createdUs: number, ino: number];

/** Where the items of a page stand, from the indexes alone: those of all zones, or zone by zone. */
function* positions(query: WorkQuery): Script<Position[]> {
  const { state, zones, limit } = query;
  const which = state === undefined ? [] : [state];
  const [whole, ofZone] =
    state === undefined ? [BY_RANK, BY_ZONE_AND_RANK] : [BY_STATE, BY_ZONE_AND_STATE];
  if (zones === "all") return yield* pageFrom(whole, { which, query });
  const found: Position[] = [];
  for (const zone of zones)
    found.push(...(yield* pageFrom(ofZone, { which: [zone, ...which], query })));
  return found.sort(compare).slice(0, limit);
}

function* pageFrom(
  { ties, rest }: Page,
  { which, query: { after, limit } }: { which: readonly string[]; query: WorkQuery },
): Script<Position[]> {
  const from = after === undefined ? BEFORE_ALL : ([after.urgency, after.createdUs] as const);
  const tied = after === undefined ? [] : yield* all(ties, ...which, ...from, after.ino, limit);
  const room = limit - tied.length;
  const others = room === 0 ? [] : yield* all(rest, ...which, ...from, room);
  return [...tied, ...others].map((row) => [integer(row, 0), integer(row, 1), integer(row, 2)]);
}

/**
 * One name of an inode as a path. `paths` has those of the directories that were met before. Below a directory that
 * was removed, or that damage has put below itself, it begins there.
 */
function* findPath(ino: Ino, paths: Map<Ino, string>): Script<string> {
  const way = new Map<Ino, string>();
  let at = ino;
  while (at !== ROOT_INO && !paths.has(at) && !way.has(at)) {
    const row = yield* first(ENTRY, at);
    if (row === undefined) break;
    way.set(at, text(row, 1));
    at = integer(row, 0) as Ino;
  }
  let path = paths.get(at) ?? "";
  for (const [step, name] of [...way].reverse()) {
    path = `${path}/${name}`;
    paths.set(step, path);
  }
  return path;
}

/** Items that lost their name are in no list, and not counted. */
export function* countWork(zones: readonly string[] | "all"): Script<WorkCounts> {
  const rows: Row[] = [];
  if (zones === "all") rows.push(...(yield* all(COUNT)));
  else for (const zone of zones) rows.push(...(yield* all(COUNT_OF_ZONE, zone)));
  const counts = WORK_STATUSES.map((state, column) => [
    state,
    rows.reduce((sum, row) => sum + integer(row, column), 0),
  ]);
  return Object.fromEntries(counts) as Record<WorkStatus, number>;
}

function compare(a: Position, b: Position): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

function workRecord(row: Row, path: string): WorkRecord {
  const rank = integer(row, 6);
  const leaseEndUs = row[13];
  return {
    urgency: integer(row, 0),
    createdUs: integer(row, 1),
    ino: integer(row, 2) as Ino,
    pathId: text(row, 3) as PathId,
    path,
    state: text(row, 4) as WorkStatus,
    status: text(row, 5) as WorkStatus,
    priority: rank === NO_PRIORITY ? undefined : rank,
    zone: text(row, 7),
    blockerCount: integer(row, 8),
    workerId: optionalWord(row, 9),
    startedAt: optionalWord(row, 10),
    completedAt: optionalWord(row, 11),
    attempts: attemptsOf(row[12]),
    leaseEndMs: typeof leaseEndUs === "number" ? leaseEndUs / 1000 : undefined,
    sizeBytes: integer(row, 14),
    createdAt: { sec: integer(row, 15), nsec: integer(row, 16) },
    modifiedAt: { sec: integer(row, 17), nsec: integer(row, 18) },
  };
}

/** Metadata that anybody may have set, also to bytes. */
export function optionalWord(row: Row, column: number): string | undefined {
  const value = row[column];
  if (value === null || value === undefined) return undefined;
  return value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : String(value);
}

/** What anybody has set to something else counts as none. */
export function attemptsOf(value: unknown): number {
  const attempts = Number(value ?? 0);
  return Number.isSafeInteger(attempts) && attempts > 0 ? attempts : 0;
}
