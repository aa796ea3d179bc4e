import type { Ino } from "../../../model/ids.js";
import { formatTimestamp, type Timestamp } from "../../../model/timestamp.js";
import { command, first, query, run, type Script } from "../statement.js";
import { bytesOf } from "./value.js";

const GET = query("SELECT value FROM file_metadata WHERE ino = ? AND key = ?");
// VALUES, not SELECT, which can be many rows: SQLite prepares to take many back, at twice the cost.
const INSERT = `INSERT INTO file_metadata (ino, path_id, key, value, created_at)
   VALUES (?, (SELECT path_id FROM inodes WHERE ino = ?), ?, ?, ?)`;
const ADD = command(INSERT);
const PUT = command(`${INSERT} ON CONFLICT (ino, key) DO UPDATE SET value = excluded.value`);
const UPDATE = command("UPDATE file_metadata SET value = ? WHERE ino = ? AND key = ?");
const PUT_IF_ABSENT = command(`${INSERT} ON CONFLICT (ino, key) DO NOTHING`);
const REMOVE = command("DELETE FROM file_metadata WHERE ino = ? AND key = ?");

/** One value of an inode's custom metadata. The inode has to be there. */
export interface MetadataRow {
  readonly key: string;
  readonly value: string | Uint8Array;
  readonly now: Timestamp;
}

/** The value as text. */
export function* getMetadata(ino: Ino, key: string): Script<string | undefined> {
  const row = yield* first(GET, ino, key);
  return row === undefined ? undefined : Buffer.from(bytesOf(row[0])).toString("utf8");
}

/** The inode has no such key. */
export function* addMetadata(ino: Ino, { key, value, now }: MetadataRow): Script<void> {
  yield* run(ADD, ino, ino, key, value, formatTimestamp(now));
}

export function* putMetadata(ino: Ino, { key, value, now }: MetadataRow): Script<void> {
  yield* run(PUT, ino, ino, key, value, formatTimestamp(now));
}

/** The same for one that is nearly always there: half the work then. */
export function* replaceMetadata(ino: Ino, { key, value, now }: MetadataRow): Script<void> {
  if ((yield* run(UPDATE, value, ino, key)) > 0) return;
  yield* putMetadataIfAbsent(ino, { key, value, now });
}

export function* putMetadataIfAbsent(ino: Ino, { key, value, now }: MetadataRow): Script<void> {
  yield* run(PUT_IF_ABSENT, ino, ino, key, value, formatTimestamp(now));
}

export function* removeMetadata(ino: Ino, key: string): Script<void> {
  yield* run(REMOVE, ino, key);
}
