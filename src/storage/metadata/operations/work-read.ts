import type { Ino, PathId } from "../../../model/ids.js";
import { WORK_STATUSES, type WorkStatus } from "../../../model/work.js";
import { NO_PRIORITY, pathOf } from "../migrations/002-work.js";
import {
  all,
  first,
  integer,
  optionalText,
  query,
  type Row,
  type Script,
  type Statement,
  text,
} from "../statement.js";
import type { WorkCounts, WorkPosition, WorkQuery, WorkRecord } from "../work-store.js";

function metadataOf(key: string): string {
  return `(SELECT value FROM file_metadata m WHERE m.ino = w.ino AND m.key = '${key}')`;
}

const RECORD = `w.urgency, w.created_us, w.ino, i.path_id, ${pathOf("w.ino")}, w.state, w.status, w.rank,
  w.zone, w.open_dependencies, ${metadataOf("worker_id")}, ${metadataOf("started_at")},
  ${metadataOf("completed_at")}, ${metadataOf("attempts")}, w.lease_end_us, i.size_bytes,
  i.btime_sec, i.btime_nsec, i.mtime_sec, i.mtime_nsec
  FROM work_items w JOIN inodes i ON i.ino = w.ino`;

const ITEM = query(`SELECT ${RECORD} WHERE w.ino = ?`);
const BY_STATE = query(
  `SELECT ${RECORD} WHERE w.state = ? AND (w.urgency, w.created_us, w.ino) > (?, ?, ?)
   ORDER BY w.urgency, w.created_us, w.ino LIMIT ?`,
);
const BY_ZONE_AND_STATE = query(
  `SELECT ${RECORD} WHERE w.zone = ? AND w.state = ? AND (w.urgency, w.created_us, w.ino) > (?, ?, ?)
   ORDER BY w.urgency, w.created_us, w.ino LIMIT ?`,
);
const BY_RANK = query(
  `SELECT ${RECORD} WHERE w.is_named = 1 AND (w.rank, w.created_us, w.ino) > (?, ?, ?)
   ORDER BY w.rank, w.created_us, w.ino LIMIT ?`,
);
const BY_ZONE_AND_RANK = query(
  `SELECT ${RECORD} WHERE w.zone = ? AND w.is_named = 1 AND (w.rank, w.created_us, w.ino) > (?, ?, ?)
   ORDER BY w.rank, w.created_us, w.ino LIMIT ?`,
);
const FIRST_READY = query(
  `SELECT urgency, created_us, ino FROM work_items WHERE state = 'ready'
   ORDER BY urgency, created_us, ino LIMIT 1`,
);
const FIRST_READY_OF_ZONE = query(
  `SELECT urgency, created_us, ino FROM work_items WHERE zone = ? AND state = 'ready'
   ORDER BY urgency, created_us, ino LIMIT 1`,
);
/** One step into the index for each zone, however many items it has. */
const ZONES = query(
  `WITH RECURSIVE each (zone) AS (
     SELECT min(zone) FROM work_items
     UNION ALL
     SELECT (SELECT min(zone) FROM work_items WHERE zone > each.zone) FROM each WHERE each.zone IS NOT NULL
   ) SELECT zone FROM each WHERE zone IS NOT NULL`,
);
const COUNT = query("SELECT state, count(*) FROM work_items GROUP BY state");
const COUNT_OF_ZONE = query("SELECT state, count(*) FROM work_items WHERE zone = ? GROUP BY state");

const BEFORE_ALL = [Number.MIN_SAFE_INTEGER, 0, 0] as const;

export function* workZones(): Script<string[]> {
  return (yield* all(ZONES)).map((row) => text(row, 0));
}

export function* workItem(ino: Ino): Script<WorkRecord | undefined> {
  const row = yield* first(ITEM, ino);
  return row === undefined ? undefined : workRecord(row);
}

export function* listWork({ state, zones, limit, after }: WorkQuery): Script<WorkRecord[]> {
  const from = after === undefined ? BEFORE_ALL : positionOf(after, state);
  const which = state === undefined ? [] : [state];
  const [whole, ofZone]: [Statement, Statement] =
    state === undefined ? [BY_RANK, BY_ZONE_AND_RANK] : [BY_STATE, BY_ZONE_AND_STATE];
  if (zones === "all") {
    return (yield* all(whole, ...which, ...from, limit)).map(workRecord);
  }
  const rows: Row[] = [];
  for (const zone of zones) rows.push(...(yield* all(ofZone, zone, ...which, ...from, limit)));
  return rows
    .map(workRecord)
    .sort((a, b) => compare(positionOf(a, state), positionOf(b, state)))
    .slice(0, limit);
}

/** The inode of the first item that is ready. */
export function* firstReady(zones: readonly string[] | "all"): Script<Ino | undefined> {
  const rows: Row[] = [];
  if (zones === "all") rows.push(...(yield* all(FIRST_READY)));
  else for (const zone of zones) rows.push(...(yield* all(FIRST_READY_OF_ZONE, zone)));
  const [next] = rows.sort((a, b) => compare(a as number[], b as number[]));
  return next === undefined ? undefined : (integer(next, 2) as Ino);
}

export function* countWork(zones: readonly string[] | "all"): Script<WorkCounts> {
  const counts = Object.fromEntries(WORK_STATUSES.map((status) => [status, 0])) as Record<
    WorkStatus,
    number
  >;
  const rows: Row[] = [];
  if (zones === "all") rows.push(...(yield* all(COUNT)));
  else for (const zone of zones) rows.push(...(yield* all(COUNT_OF_ZONE, zone)));
  for (const row of rows) {
    // Items that lost their name and are still open are in no list.
    const state = WORK_STATUSES.find((status) => status === row[0]);
    if (state !== undefined) counts[state] += integer(row, 1);
  }
  return counts;
}

/** By rank, the place in the list of all items isn't the one in the list of a state. */
function positionOf(item: WorkPosition & { priority?: number | undefined }, state: unknown) {
  const { urgency, createdUs, ino } = item;
  return state === undefined && "priority" in item
    ? [item.priority ?? NO_PRIORITY, createdUs, ino]
    : [urgency, createdUs, ino];
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0;
    if (value !== other) return value - other;
  }
  return 0;
}

function workRecord(row: Row): WorkRecord {
  const rank = integer(row, 7);
  const leaseEndUs = row[14];
  return {
    urgency: integer(row, 0),
    createdUs: integer(row, 1),
    ino: integer(row, 2) as Ino,
    pathId: text(row, 3) as PathId,
    path: optionalText(row, 4) ?? "",
    state: text(row, 5) as WorkStatus,
    status: text(row, 6) as WorkStatus,
    priority: rank === NO_PRIORITY ? undefined : rank,
    zone: text(row, 8),
    blockerCount: integer(row, 9),
    workerId: optionalWord(row, 10),
    startedAt: optionalWord(row, 11),
    completedAt: optionalWord(row, 12),
    attempts: attemptsOf(row[13]),
    leaseEndMs: typeof leaseEndUs === "number" ? leaseEndUs / 1000 : undefined,
    sizeBytes: integer(row, 15),
    createdAt: { sec: integer(row, 16), nsec: integer(row, 17) },
    modifiedAt: { sec: integer(row, 18), nsec: integer(row, 19) },
  };
}

/** Metadata that anybody may have set, also to bytes. */
function optionalWord(row: Row, column: number): string | undefined {
  const value = row[column];
  if (value === null || value === undefined) return undefined;
  return value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : String(value);
}

/** What anybody has set to something else counts as none. */
export function attemptsOf(value: unknown): number {
  const attempts = Number(value ?? 0);
  return Number.isSafeInteger(attempts) && attempts > 0 ? attempts : 0;
}
