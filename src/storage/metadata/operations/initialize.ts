import { BLOCK_BYTES, S_IFDIR } from "../../../model/attributes.js";
import { NexusError } from "../../../model/errors.js";
import { type PathId, ROOT_INO } from "../../../model/ids.js";
import type { At } from "../metadata-store.js";
import { command, first, integer, query, run, type Script } from "../statement.js";

const STATE = query("SELECT next_id FROM store_state WHERE id = 1");
const RESERVE = command("UPDATE store_state SET next_id = ? WHERE id = 1");
const HAS_ROOT = query("SELECT 1 FROM inodes WHERE ino = ?");
const CREATE_ROOT = command(
  `INSERT INTO inodes (ino, path_id, mode, uid, gid, nlink, size_bytes, blocks, rdev,
     atime_sec, atime_nsec, mtime_sec, mtime_nsec, ctime_sec, ctime_nsec, btime_sec, btime_nsec, version)
   VALUES (?, ?, ?, ?, ?, 2, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, 0)`,
);

/** Makes the root directory, if the store is new. */
export function* initialize({
  pathId,
  uid,
  gid,
  now,
}: { pathId: PathId; uid: number; gid: number } & At): Script<void> {
  if ((yield* first(HAS_ROOT, ROOT_INO)) !== undefined) return;
  const time = [now.sec, now.nsec];
  const times = [...time, ...time, ...time, ...time];
  const size = [BLOCK_BYTES, BLOCK_BYTES / 512];
  yield* run(CREATE_ROOT, ROOT_INO, pathId, S_IFDIR | 0o755, uid, gid, ...size, ...times);
}

const RENUMBER = command("UPDATE store_state SET number = ? WHERE id = 1");

/** The journal of this start isn't that of any other. */
export function* renumberStore(number: number): Script<void> {
  yield* run(RENUMBER, number);
}

/** The first number that was never given. Errors: `corrupt` when nobody knows. */
export function* readNextId(): Script<number> {
  const row = yield* first(STATE);
  if (row !== undefined) return integer(row, 0);
  throw new NexusError("corrupt", "the row of store_state is missing: see nexus fsck --repair");
}

/** From now on numbers below `limit` may have been given. */
export function* reserveIds(limit: number): Script<void> {
  yield* run(RESERVE, limit);
}
