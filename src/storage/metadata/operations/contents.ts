import { NexusError } from "../../../model/errors.js";
import { type ContentHash, type Ino, isContentHash, type StagingId } from "../../../model/ids.js";
import { formatTimestamp, type Timestamp } from "../../../model/timestamp.js";
import type { At, ContentCommit, SealedContent, StagedRecord } from "../metadata-store.js";
import {
  all,
  command,
  first,
  integer,
  optionalText,
  query,
  run,
  type Script,
  text,
} from "../statement.js";
import { recordChange } from "./changes.js";

const STAGE = command("UPDATE inodes SET staging_id = ? WHERE ino = ?");
const STAGED = query(
  "SELECT ino, staging_id, size_bytes, mtime_sec, mtime_nsec FROM inodes WHERE staging_id IS NOT NULL",
);
const FIND_STAGED = query(
  "SELECT content_hash, version FROM inodes WHERE ino = ? AND staging_id = ?",
);
const ANNOUNCE = command(
  `INSERT INTO contents (hash, size_bytes, blocks, ref_count, created_at) VALUES (?, ?, ?, 0, ?)
   ON CONFLICT (hash) DO NOTHING`,
);
const ADD_REFERENCE = command(
  `INSERT INTO contents (hash, size_bytes, blocks, ref_count, created_at) VALUES (?, ?, ?, 1, ?)
   ON CONFLICT (hash) DO UPDATE SET ref_count = ref_count + 1, blocks = excluded.blocks`,
);
const DROP_REFERENCE = command(
  "UPDATE contents SET ref_count = ref_count - 1 WHERE hash = ? AND ref_count > 0",
);
const REFERENCES = query("SELECT ref_count FROM contents WHERE hash = ?");
/** A count that is wrong, which is damage, shall not cost a file its content. */
const IS_REMOVABLE = query(
  `SELECT 1 FROM contents c WHERE hash = ? AND ref_count = 0
   AND NOT EXISTS (SELECT 1 FROM inodes i WHERE i.content_hash = c.hash)`,
);
/** The inodes are asked, too: a list of contents that lacks one is damage, and shall cost no file its content. */
const IS_KNOWN = query(
  `SELECT 1 WHERE EXISTS (SELECT 1 FROM contents WHERE hash = ?)
   OR EXISTS (SELECT 1 FROM inodes WHERE content_hash = ?)`,
);
const POINT_AT_CONTENT = command(
  `UPDATE inodes SET content_hash = ?, size_bytes = ?, blocks = ?, version = ?, staging_id = NULL
   WHERE ino = ?`,
);
const FIND_SOURCE = query(
  `SELECT i.content_hash, i.size_bytes, i.blocks FROM inodes i
   WHERE i.ino = ? AND i.content_hash IS NOT NULL`,
);
const FIND_DESTINATION = query("SELECT content_hash, version FROM inodes WHERE ino = ?");
const LOSE_CONTENT = command(
  "UPDATE inodes SET content_hash = NULL, staging_id = NULL WHERE ino = ?",
);
const SET_TIMES = command(
  "UPDATE inodes SET mtime_sec = ?, mtime_nsec = ?, ctime_sec = ?, ctime_nsec = ? WHERE ino = ?",
);
const UNREFERENCED = query("SELECT hash FROM contents WHERE ref_count = 0");
const FORGET = command("DELETE FROM contents WHERE hash = ? AND ref_count = 0");

export function* stage({ ino, stagingId }: { ino: Ino; stagingId: StagingId }): Script<void> {
  yield* run(STAGE, stagingId, ino);
}

export function* stagedContents(): Script<StagedRecord[]> {
  const rows = yield* all(STAGED);
  return rows.map((row) => ({
    ino: integer(row, 0) as Ino,
    stagingId: integer(row, 1) as StagingId,
    sizeBytes: integer(row, 2),
    mtime: { sec: integer(row, 3), nsec: integer(row, 4) },
  }));
}

export function* announceContents(contents: readonly SealedContent[], { now }: At): Script<void> {
  for (const { hash, sizeBytes, blocks } of contents) {
    yield* run(ANNOUNCE, hash, sizeBytes, blocks, formatTimestamp(now));
  }
}

export function* commitContents(commits: readonly ContentCommit[]): Script<ContentHash[]> {
  const unreferenced: ContentHash[] = [];
  for (const { ino, stagingId, hash, sizeBytes, blocks, now } of commits) {
    const row = yield* first(FIND_STAGED, ino, stagingId);
    if (row === undefined) continue;
    const before = { hash: optionalText<ContentHash>(row, 0), version: integer(row, 1) };
    const dropped = yield* pointAt(ino, { before, content: { hash, sizeBytes, blocks }, now });
    if (dropped !== undefined) unreferenced.push(dropped);
  }
  // A later commit of the batch may have referred to it anew.
  return yield* selectUnreferenced([...new Set(unreferenced)]);
}

export function* referenceContent({
  from,
  to,
  now,
}: { from: Ino; to: Ino } & At): Script<ContentHash | undefined> {
  const source = yield* first(FIND_SOURCE, from);
  const destination = yield* first(FIND_DESTINATION, to);
  if (source === undefined || destination === undefined) {
    throw new NexusError("not-found", `inode ${from} has no sealed content`, { op: "copy" });
  }
  const content = {
    hash: text(source, 0) as ContentHash,
    sizeBytes: integer(source, 1),
    blocks: integer(source, 2),
  };
  const before = {
    hash: optionalText<ContentHash>(destination, 0),
    version: integer(destination, 1),
  };
  const dropped = yield* pointAt(to, { before, content, now });
  yield* run(SET_TIMES, now.sec, now.nsec, now.sec, now.nsec, to);
  yield* recordChange(to, { kind: "modified" });
  return dropped;
}

/**
 * The inode's content is `content` from now on, and no staged one. The version counts contents, so it stays when the
 * bytes are what they were. Returns the old content when nothing refers to it any more.
 */
function* pointAt(
  ino: Ino,
  {
    before,
    content,
    now,
  }: {
    before: { hash: ContentHash | undefined; version: number };
    content: SealedContent;
    now: Timestamp;
  },
): Script<ContentHash | undefined> {
  const { hash, sizeBytes, blocks } = content;
  const changed = before.hash !== hash;
  const version = changed ? before.version + 1 : before.version;
  yield* run(POINT_AT_CONTENT, hash, sizeBytes, blocks, version, ino);
  if (!changed) return undefined;
  yield* run(ADD_REFERENCE, hash, sizeBytes, blocks, formatTimestamp(now));
  const lost = before.hash !== undefined && (yield* dropReference(before.hash));
  return lost ? before.hash : undefined;
}

/** True when that was the last one. */
export function* dropReference(hash: ContentHash): Script<boolean> {
  yield* run(DROP_REFERENCE, hash);
  const row = yield* first(REFERENCES, hash);
  return row !== undefined && integer(row, 0) === 0;
}

/**
 * The bytes that were staged for a file are gone, and what it had before isn't what it should have: from now
 * on it has a size and nothing to read, which is damage and shows as such.
 */
export function* loseContent(ino: Ino): Script<void> {
  const row = yield* first(FIND_DESTINATION, ino);
  const hash = row === undefined ? undefined : optionalText<ContentHash>(row, 0);
  if (hash !== undefined) yield* dropReference(hash);
  yield* run(LOSE_CONTENT, ino);
}

/** What is no hash is damage, and has no file to be removed. */
export function* unreferencedContents(): Script<ContentHash[]> {
  const rows = yield* all(UNREFERENCED);
  return rows.map((row) => text(row, 0)).filter(isContentHash);
}

export function* selectUnreferenced(hashes: readonly ContentHash[]): Script<ContentHash[]> {
  const selected: ContentHash[] = [];
  for (const hash of hashes) {
    if (!isContentHash(hash)) continue;
    if ((yield* first(IS_REMOVABLE, hash)) !== undefined) selected.push(hash);
  }
  return selected;
}

export function* selectUnknown(hashes: readonly ContentHash[]): Script<ContentHash[]> {
  const selected: ContentHash[] = [];
  for (const hash of hashes) {
    if ((yield* first(IS_KNOWN, hash, hash)) === undefined) selected.push(hash);
  }
  return selected;
}

export function* forgetContents(hashes: readonly ContentHash[]): Script<void> {
  for (const hash of hashes) yield* run(FORGET, hash);
}
