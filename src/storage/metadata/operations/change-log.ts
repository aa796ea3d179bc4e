import { NexusError } from "../../../model/errors.js";
import type { Ino } from "../../../model/ids.js";
import { compareTimestamps, type Timestamp } from "../../../model/timestamp.js";
import type { WorkStatus } from "../../../model/work.js";
import type { ChangeDetails, ChangePosition, ChangeRecord } from "../change-store.js";
import {
  all,
  command,
  first,
  integer,
  LIMIT_PARAMETER,
  optionalText,
  query,
  type Row,
  run,
  type Script,
  text,
} from "../statement.js";

// The record of changes as a whole: when there is one, how it is read, and how it stays small.

const STATE = query(
  "SELECT store, recording_until_ms, removed_through FROM change_state WHERE id = 1",
);
const SET_UNTIL = command("UPDATE change_state SET recording_until_ms = ? WHERE id = 1");
const SET_REMOVED = command("UPDATE change_state SET removed_through = ? WHERE id = 1");
const ENDS = query("SELECT (SELECT min(seq) FROM changes), (SELECT max(seq) FROM changes)");
const START = command(
  "INSERT INTO changes (at_sec, at_nsec, kind, ino, type, path) VALUES (?, ?, 'started', 0, 0, '/')",
);
const NEWEST = query("SELECT seq, at_sec, at_nsec FROM changes ORDER BY seq DESC LIMIT 1");
const TIME_OF = query("SELECT at_sec, at_nsec FROM changes WHERE seq = ?");
const AFTER = query(
  `SELECT seq, at_sec, at_nsec, kind, ino, type, path, old_path, is_new, metadata_keys, status, old_status
   FROM changes WHERE seq > ? ORDER BY seq ${LIMIT_PARAMETER}`,
);
const OLDER = query("SELECT max(seq) FROM changes WHERE seq >= ? AND seq < ? AND at_sec < ?");
const BEYOND = query("SELECT seq FROM changes ORDER BY seq DESC LIMIT 1 OFFSET 0 + ?");
const REMOVE_THROUGH = command("DELETE FROM changes WHERE seq <= ?");

const FORGET_ALL = command("DELETE FROM changes");
const START_OVER = command(
  "UPDATE change_state SET store = ?, recording_until_ms = NULL, removed_through = 0 WHERE id = 1",
);

/** So many are removed in one step: everybody else waits meanwhile (about a millisecond). */
const MOST_REMOVED = 1000;

/** Milliseconds since the epoch; undefined while nothing is recorded. */
export function* recordingUntil(): Script<number | undefined> {
  const row = yield* first(STATE);
  return row === undefined || row[1] === null ? undefined : integer(row, 1);
}

/**
 * A copy of the store goes its own way from here: nothing is recorded, and positions in the record of the
 * store that it was copied from mean nothing to it, because this is another `store`.
 */
export function* forgetRecord({ store }: { store: string }): Script<void> {
  yield* run(FORGET_ALL);
  yield* run(START_OVER, store);
}

export function* recordUntil(untilMs: number | undefined): Script<void> {
  yield* run(SET_UNTIL, untilMs ?? null);
}

/** Begins a new record: what is there from an earlier one has a gap after it, so it counts no more. */
export function* beginRecording({
  untilMs,
  now,
}: {
  untilMs: number;
  now: Timestamp;
}): Script<void> {
  yield* run(SET_UNTIL, untilMs);
  yield* run(START, now.sec, now.nsec);
  const [, newest = 0] = (yield* first(ENDS)) ?? [];
  yield* run(SET_REMOVED, newest);
}

export function* newestChange(): Script<ChangePosition> {
  const state = yield* first(STATE);
  const row = yield* first(NEWEST);
  if (state === undefined || row === undefined) throw notRecorded();
  return { store: text(state, 0), ...placeOf(row) };
}

/** Errors: `stale`. */
export function* changesAfter({
  after,
  limit,
}: {
  after: ChangePosition;
  limit: number;
}): Script<ChangeRecord[]> {
  const state = yield* first(STATE);
  const newest = yield* first(NEWEST);
  if (state === undefined || newest === undefined) throw notRecorded();
  const store = text(state, 0);
  if (after.store !== store) {
    throw stale("the cursor is of another store");
  }
  if (after.seq < integer(state, 2)) {
    throw stale("the cursor is too old: changes that came after it are not kept any more");
  }
  const there = yield* first(TIME_OF, after.seq);
  const isAnother =
    there !== undefined &&
    compareTimestamps({ sec: integer(there, 0), nsec: integer(there, 1) }, after.time) !== 0;
  if (isAnother || after.seq > integer(newest, 0)) {
    throw stale("the cursor is of changes that this store has lost, as in a power failure");
  }
  return (yield* all(AFTER, after.seq, limit)).map((row) => changeRecord(row, store));
}

/**
 * Removes some of what is older than `before`, and of what is more than `most`. The newest one stays.
 * Returns whether there may be more of it.
 */
export function* removeChanges({
  before,
  most,
}: {
  before: Timestamp;
  most: number;
}): Script<boolean> {
  const ends = yield* first(ENDS);
  if (ends === undefined || ends[0] === null) return false;
  const [oldest, newest] = [integer(ends, 0), integer(ends, 1)];
  const end = Math.min(oldest + MOST_REMOVED, newest);
  const [aged] = (yield* first(OLDER, oldest, end, before.sec)) ?? [];
  const [beyond] = (yield* first(BEYOND, most)) ?? [];
  const through = Math.min(end - 1, Math.max(Number(aged ?? 0), Number(beyond ?? 0)));
  if (through < oldest) return false;
  yield* run(REMOVE_THROUGH, through);
  // A record that was begun anew counts more as removed than is.
  const state = yield* first(STATE);
  if (state !== undefined && integer(state, 2) < through) yield* run(SET_REMOVED, through);
  return true;
}

function placeOf(row: Row): { seq: number; time: Timestamp } {
  return { seq: integer(row, 0), time: { sec: integer(row, 1), nsec: integer(row, 2) } };
}

function changeRecord(row: Row, store: string): ChangeRecord {
  return {
    position: { store, ...placeOf(row) },
    ino: integer(row, 4) as Ino,
    type: integer(row, 5),
    path: text(row, 6),
    ...detailsOf(row),
  };
}

function detailsOf(row: Row): ChangeDetails {
  const kind = text(row, 3) as ChangeDetails["kind"];
  switch (kind) {
    case "created":
      return { kind, isNew: integer(row, 8) === 1 };
    case "renamed":
      return { kind, oldPath: text(row, 7) };
    case "metadata":
      return { kind, keys: JSON.parse(text(row, 9)) as string[] };
    case "work":
      return {
        kind,
        status: optionalText<WorkStatus>(row, 10),
        oldStatus: optionalText<WorkStatus>(row, 11),
      };
    case "removed":
    case "modified":
    case "attributes":
    case "started":
      return { kind };
  }
}

/** What whoever asks for the record is told while there is none. */
export function notRecorded(): NexusError {
  return stale("the cursor is too old: nobody was watching for a while, and nothing was recorded");
}

function stale(why: string): NexusError {
  return new NexusError("stale", `${why}; start over with a listing and a new cursor`, {
    op: "watch",
  });
}
