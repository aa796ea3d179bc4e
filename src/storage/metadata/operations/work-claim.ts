import { NexusError } from "../../../model/errors.js";
import type { Ino } from "../../../model/ids.js";
import type { Timestamp } from "../../../model/timestamp.js";
import { WORK_KEY } from "../../../model/work.js";
import { all, command, first, integer, query, run, type Script, text } from "../statement.js";
import type { ClaimRequest, FinishRequest, FoundItem, WorkRecord } from "../work-store.js";
import { getMetadata, putMetadata, removeMetadata } from "./metadata-row.js";
import { attemptsOf, firstReady, optionalWord, workItem } from "./work-read.js";
import { enterStatus, microseconds } from "./work-status.js";

const EXISTS = query("SELECT 1 FROM inodes WHERE ino = ?");
/** What decides who may go on with an item, without all that is told of it. */
const HOLDER = query(
  `SELECT w.state, (SELECT value FROM file_metadata m WHERE m.ino = w.ino AND m.key = 'worker_id')
   FROM work_items w WHERE w.ino = ?`,
);
const SET_LEASE = command("UPDATE work_items SET lease_end_us = ? WHERE ino = ?");
/** So many at a time, since everybody else waits meanwhile; the rest comes with the next call. */
const MOST_ENDED = 500;
const ENDED = query(
  `SELECT ino FROM work_items WHERE lease_end_us <= ? ORDER BY lease_end_us LIMIT ${MOST_ENDED}`,
);
const NEXT_END = query("SELECT min(lease_end_us) FROM work_items WHERE lease_end_us IS NOT NULL");

// Leases that have ended by `now` are over before any of these: see `expireLeases`.

export function* claim(request: ClaimRequest & FoundItem): Script<WorkRecord> {
  const { state, holder } = yield* holderOf(request, "claim");
  if (state === "in_progress") {
    if (holder !== request.workerId) throw taken(yield* requireItem(request, "claim"));
    return yield* extend(request);
  }
  if (state !== "ready") {
    const item = yield* requireItem(request, "claim");
    const why = item.blockerCount > 0 ? `, it waits for ${item.blockerCount} others` : "";
    throw new NexusError("try-again", `${item.path} isn't ready: it is ${item.state}${why}`, {
      op: "claim",
      path: item.path,
    });
  }
  return yield* begin(request);
}

export function* claimNext(
  request: ClaimRequest & { zones: readonly string[] | "all" },
): Script<WorkRecord | undefined> {
  const ino = yield* firstReady(request.zones);
  return ino === undefined ? undefined : yield* begin({ ...request, ino });
}

export function* renew(request: ClaimRequest & FoundItem): Script<WorkRecord> {
  yield* requireHeld(request, { workerId: request.workerId, op: "renew" });
  return yield* extend(request);
}

export function* finish(request: FinishRequest): Script<WorkRecord> {
  const { ino, workerId, outcome, countAttempt, error, now } = request;
  if (workerId === undefined) yield* holderOf(request, "finish");
  else yield* requireHeld(request, { workerId, op: "finish" });
  if (countAttempt) yield* addAttempt(ino, now);
  if (error !== undefined) yield* putMetadata(ino, { key: WORK_KEY.error, value: error, now });
  else if (outcome === "completed") yield* removeMetadata(ino, WORK_KEY.error);
  // Who has it has it in progress.
  const known = workerId === undefined ? {} : ({ before: "in_progress" } as const);
  yield* enterStatus(ino, { status: outcome, now, ...known });
  return yield* requireItem(request, "finish");
}

export function* expireLeases(now: Timestamp): Script<number> {
  const ended = yield* all(ENDED, microseconds(now));
  for (const row of ended) {
    const ino = integer(row, 0) as Ino;
    yield* addAttempt(ino, now);
    yield* enterStatus(ino, { status: "ready", now });
  }
  return ended.length;
}

/** Microseconds since the epoch. */
export function* nextLeaseEndUs(): Script<number | undefined> {
  const row = yield* first(NEXT_END);
  return row === undefined || row[0] === null ? undefined : integer(row, 0);
}

/** `started_at` is this attempt's. */
function* begin(request: ClaimRequest & FoundItem): Script<WorkRecord> {
  const { ino, workerId, leaseMs, now } = request;
  yield* putMetadata(ino, { key: WORK_KEY.workerId, value: workerId, now });
  const leaseEndUs = leaseEnd(now, leaseMs);
  yield* enterStatus(ino, { status: "in_progress", before: "ready", leaseEndUs, now });
  return yield* requireItem(request, "claim");
}

function* extend(request: ClaimRequest & FoundItem): Script<WorkRecord> {
  yield* lease(request);
  return yield* requireItem(request, "renew");
}

/** From now on; what is in progress by somebody's word alone has none. */
export function* lease({
  ino,
  leaseMs,
  now,
}: Pick<ClaimRequest, "leaseMs" | "now"> & FoundItem): Script<void> {
  yield* run(SET_LEASE, leaseEnd(now, leaseMs), ino);
}

/** One that lasts longer than numbers go ends with them, in some two hundred years. */
function leaseEnd(now: Timestamp, leaseMs: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, microseconds(now) + Math.round(leaseMs * 1000));
}

function* addAttempt(ino: Ino, now: Timestamp): Script<void> {
  const attempts = attemptsOf(yield* getMetadata(ino, WORK_KEY.attempts));
  yield* putMetadata(ino, { key: WORK_KEY.attempts, value: String(attempts + 1), now });
}

function* requireItem({ ino, path }: FoundItem, op: string): Script<WorkRecord> {
  const item = yield* workItem(ino, path === undefined ? undefined : new Map([[ino, path]]));
  if (item !== undefined) return item;
  if ((yield* first(EXISTS, ino)) === undefined) {
    throw new NexusError("not-found", `no inode ${ino}`, { op });
  }
  throw new NexusError(
    "invalid-argument",
    "the file is no work item: set its status to 'ready' first",
    { op },
  );
}

function* requireHeld(
  found: FoundItem,
  { workerId, op }: { workerId: string; op: string },
): Script<void> {
  const { state, holder } = yield* holderOf(found, op);
  if (state === "in_progress" && holder === workerId) return;
  const item = yield* requireItem(found, op);
  if (state !== "in_progress") {
    throw new NexusError(
      "stale",
      `${item.path} isn't in progress any more, it is ${item.state}: the lease of '${workerId}' ended, or somebody changed its status`,
      { op, path: item.path },
    );
  }
  throw taken(item);
}

/** Errors: those of {@link requireItem}. */
function* holderOf(
  found: FoundItem,
  op: string,
): Script<{ state: string; holder: string | undefined }> {
  const row = yield* first(HOLDER, found.ino);
  if (row === undefined) {
    const { state, workerId } = yield* requireItem(found, op);
    return { state, holder: workerId };
  }
  return { state: text(row, 0), holder: optionalWord(row, 1) };
}

function taken({ path, workerId }: WorkRecord): NexusError {
  const who = workerId === undefined ? "somebody else" : `'${workerId}'`;
  return new NexusError("busy", `${path} is in progress, ${who} has it`, { op: "claim", path });
}
