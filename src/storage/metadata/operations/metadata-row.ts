import type { Ino } from "../../../model/ids.js";
import { formatTimestamp, type Timestamp } from "../../../model/timestamp.js";
import { command, first, query, run, type Script } from "../statement.js";
import { bytesOf } from "./value.js";

const GET = query("SELECT value FROM file_metadata WHERE ino = ? AND key = ?");
const PUT = command(
  `INSERT INTO file_metadata (ino, path_id, key, value, created_at)
   SELECT ino, path_id, ?, ?, ? FROM inodes WHERE ino = ?
   ON CONFLICT (ino, key) DO UPDATE SET value = excluded.value`,
);
const UPDATE = command("UPDATE file_metadata SET value = ? WHERE ino = ? AND key = ?");
const PUT_IF_ABSENT = command(
  `INSERT INTO file_metadata (ino, path_id, key, value, created_at)
   SELECT ino, path_id, ?, ?, ? FROM inodes WHERE ino = ?
   ON CONFLICT (ino, key) DO NOTHING`,
);
const REMOVE = command("DELETE FROM file_metadata WHERE ino = ? AND key = ?");

/** One value of custom metadata, as the operations of the queue set it. */
export interface MetadataRow {
  readonly key: string;
  readonly value: string;
  readonly now: Timestamp;
}

/** The value as text. */
export function* getMetadata(ino: Ino, key: string): Script<string | undefined> {
  const row = yield* first(GET, ino, key);
  return row === undefined ? undefined : Buffer.from(bytesOf(row[0])).toString("utf8");
}

export function* putMetadata(ino: Ino, { key, value, now }: MetadataRow): Script<void> {
  yield* run(PUT, key, value, formatTimestamp(now), ino);
}

/** The same for one that is nearly always there: half the work then. */
export function* replaceMetadata(ino: Ino, { key, value, now }: MetadataRow): Script<void> {
  if ((yield* run(UPDATE, value, ino, key)) > 0) return;
  yield* putMetadataIfAbsent(ino, { key, value, now });
}

export function* putMetadataIfAbsent(ino: Ino, { key, value, now }: MetadataRow): Script<void> {
  yield* run(PUT_IF_ABSENT, key, value, formatTimestamp(now), ino);
}

export function* removeMetadata(ino: Ino, key: string): Script<void> {
  yield* run(REMOVE, ino, key);
}
