import type { Ino } from "../../../model/ids.js";
import { formatTimestamp, type Timestamp } from "../../../model/timestamp.js";
import { parsePriority, WORK_KEY, type WorkStatus } from "../../../model/work.js";
import { NO_PRIORITY } from "../migrations/002-work.js";
import {
  all,
  command,
  first,
  integer,
  optionalText,
  query,
  recordingTime,
  run,
  type Script,
  text,
} from "../statement.js";
import { recordChange } from "./changes.js";
import {
  getMetadata,
  putMetadata,
  putMetadataIfAbsent,
  removeMetadata,
  replaceMetadata,
} from "./metadata-row.js";

// What a change of status brings with it. The caller has written or is about to write nothing else of
// the item; every way to another status leads through `enterStatus`.

/**
 * A file may be said to be from the year 3000 (an import). A place in the order of work has to be a
 * number without rounding: who goes on after it would come to the same item again.
 */
const MOST_US = Number.MAX_SAFE_INTEGER;

const FIND = query("SELECT status FROM work_items WHERE ino = ?");
const INSERT = command(
  `INSERT INTO work_items (ino, status, is_named, rank, created_us, started_us, zone, open_dependencies)
   SELECT ino, ?, nlink > 0, ?,
     max(-${MOST_US}, min(${MOST_US}, btime_sec * 1000000 + btime_nsec / 1000)), ?, ?, ?
   FROM inodes WHERE ino = ?`,
);
const UPDATE = command(
  "UPDATE work_items SET status = ?, started_us = ?, lease_end_us = ? WHERE ino = ?",
);
const SET_RANK = command("UPDATE work_items SET rank = ? WHERE ino = ?");
const DELETE = command("DELETE FROM work_items WHERE ino = ?");
const COUNT_EDGES = query(
  "SELECT count(*), coalesce(sum(is_satisfied), 0) FROM work_dependencies WHERE ino = ?",
);
const SET_OPEN = command(
  "UPDATE work_items SET open_dependencies = ? WHERE ino = ? RETURNING status",
);
const STATE = query("SELECT state FROM work_items WHERE ino = ? AND is_named = 1");
const HAS_DEPENDENTS = query("SELECT 1 FROM work_dependencies WHERE target_ino = ? LIMIT 1");
const SET_SATISFIED = command(
  "UPDATE work_dependencies SET is_satisfied = ? WHERE target_ino = ? AND is_satisfied <> ? RETURNING ino",
);

/** The statuses in which it is over: from them, it begins afresh. */
const ENDED: readonly string[] = ["completed", "failed"] satisfies WorkStatus[];

/** The statuses in which work was begun: leaving them for another one forgets who and when. */
const BEGUN: readonly string[] = ["in_progress", "completed", "failed"] satisfies WorkStatus[];

export interface StatusChange {
  readonly status: WorkStatus;
  readonly now: Timestamp;
}

interface NewStatus {
  readonly zone?: string;
  /** The status so far, from whoever knows it. */
  readonly before?: WorkStatus;
  /** The metadata has the status already. */
  readonly isWritten?: boolean;
  /** Work on it begins now, whenever somebody says that it began before, and ends then. */
  readonly leaseEndUs?: number;
}

/**
 * Gives an item a status, and those that depend on it theirs. `zone` is needed for a file that may not
 * be an item yet. Returns the status that it has now: an item whose dependencies are all completed
 * isn't blocked, it is ready.
 */
export function* enterStatus(
  ino: Ino,
  {
    status: wanted,
    now,
    zone,
    isWritten = false,
    leaseEndUs,
    before: known,
  }: StatusChange & NewStatus,
): Script<WorkStatus> {
  const before = known ?? (yield* statusOf(ino));
  const status = wanted === "blocked" && (yield* waitsForNothing(ino)) ? "ready" : wanted;
  if (!isWritten || status !== wanted) {
    yield* replaceMetadata(ino, { key: WORK_KEY.status, value: status, now });
  }
  const isBegun = BEGUN.includes(status);
  if (before !== undefined && BEGUN.includes(before) && !isBegun) {
    yield* forgetWork(ino);
    if (ENDED.includes(before)) yield* forgetAttempts(ino);
  }
  const time = formatTimestamp(now);
  if (status === "in_progress") {
    const put = leaseEndUs === undefined ? putMetadataIfAbsent : putMetadata;
    yield* put(ino, { key: WORK_KEY.startedAt, value: time, now });
  }
  if (status === "completed") {
    yield* putMetadataIfAbsent(ino, { key: WORK_KEY.completedAt, value: time, now });
  }
  // Said once more, it goes on: with the worker, the start and the lease that it has.
  if (status === "in_progress" && before === status && leaseEndUs === undefined) return status;
  const state = yield* watchedState(ino);
  const startedUs = status === "in_progress" ? microseconds(now) : null;
  if (before === undefined) {
    const { open } = yield* countEdges(ino);
    yield* run(INSERT, status, yield* rankOf(ino), startedUs, zone ?? "/", open, ino);
  } else {
    yield* run(UPDATE, status, startedUs, leaseEndUs ?? null, ino);
  }
  yield* recordState(ino, state);
  if ((before === "completed") !== (status === "completed")) {
    yield* tellDependents(ino, { isSatisfied: status === "completed", now });
  }
  return status;
}

/** The file is no work item any more. */
export function* leaveQueue(ino: Ino, now: Timestamp): Script<void> {
  const status = yield* statusOf(ino);
  if (status === undefined) return;
  const state = yield* watchedState(ino);
  yield* run(DELETE, ino);
  yield* recordState(ino, state);
  if (status === "completed") yield* tellDependents(ino, { isSatisfied: false, now });
}

export function* setRank(ino: Ino, priority: number | undefined): Script<void> {
  yield* run(SET_RANK, priority ?? NO_PRIORITY, ino);
}

/** Counts an item's open dependencies anew. With none left, a blocked one becomes ready. */
export function* recount(ino: Ino, now: Timestamp): Script<void> {
  const { edges, open } = yield* countEdges(ino);
  const state = yield* watchedState(ino);
  const row = yield* first(SET_OPEN, open, ino);
  yield* recordState(ino, state);
  if (row !== undefined && text(row, 0) === "blocked" && edges > 0 && open === 0) {
    yield* enterStatus(ino, { status: "ready", now });
  }
}

/** The list in which an item stands; undefined for none, and while nobody wants to know of changes. */
function* watchedState(ino: Ino): Script<WorkStatus | undefined> {
  if ((yield* recordingTime()) === undefined) return undefined;
  const row = yield* first(STATE, ino);
  return row === undefined ? undefined : optionalText<WorkStatus>(row, 0);
}

/** Tells of the list in which an item stands now, if it was in another one. */
export function* recordState(ino: Ino, before: WorkStatus | undefined): Script<void> {
  const status = yield* watchedState(ino);
  if (status !== before) yield* recordChange(ino, { kind: "work", status, oldStatus: before });
}

/** Since the epoch. */
export function microseconds({ sec, nsec }: Timestamp): number {
  return sec * 1_000_000 + Math.floor(nsec / 1000);
}

function* tellDependents(
  ino: Ino,
  { isSatisfied, now }: { isSatisfied: boolean; now: Timestamp },
): Script<void> {
  // Most have none, and a query costs a tenth.
  if ((yield* first(HAS_DEPENDENTS, ino)) === undefined) return;
  const flag = Number(isSatisfied);
  for (const row of yield* all(SET_SATISFIED, flag, ino, flag)) {
    yield* recount(integer(row, 0) as Ino, now);
  }
}

function* statusOf(ino: Ino): Script<WorkStatus | undefined> {
  const row = yield* first(FIND, ino);
  return row === undefined ? undefined : (text(row, 0) as WorkStatus);
}

/** It has dependencies, and all are completed. */
function* waitsForNothing(ino: Ino): Script<boolean> {
  const { edges, open } = yield* countEdges(ino);
  return edges > 0 && open === 0;
}

function* countEdges(ino: Ino): Script<{ edges: number; open: number }> {
  const row = yield* first(COUNT_EDGES, ino);
  if (row === undefined) return { edges: 0, open: 0 };
  return { edges: integer(row, 0), open: integer(row, 0) - integer(row, 1) };
}

/** A value from before it was checked counts as none. */
function* rankOf(ino: Ino): Script<number> {
  const value = yield* getMetadata(ino, WORK_KEY.priority);
  try {
    return value === undefined ? NO_PRIORITY : parsePriority(value);
  } catch {
    return NO_PRIORITY;
  }
}

function* forgetWork(ino: Ino): Script<void> {
  yield* removeMetadata(ino, WORK_KEY.workerId);
  yield* removeMetadata(ino, WORK_KEY.startedAt);
  yield* removeMetadata(ino, WORK_KEY.completedAt);
}

function* forgetAttempts(ino: Ino): Script<void> {
  yield* removeMetadata(ino, WORK_KEY.attempts);
  yield* removeMetadata(ino, WORK_KEY.error);
}
