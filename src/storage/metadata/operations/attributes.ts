import { PERMISSION_BITS } from "../../../model/attributes.js";
import { NexusError } from "../../../model/errors.js";
import type { Ino } from "../../../model/ids.js";
import type {
  At,
  AttributeFamily,
  AttributeName,
  AttributeSizes,
  FileActivity,
  InodeRecord,
  SetAttributeRequest,
  SetAttributesRequest,
} from "../metadata-store.js";
import {
  all,
  command,
  first,
  integer,
  query,
  recordingTime,
  run,
  type Script,
  type Statement,
  text,
} from "../statement.js";
import { recordChange } from "./changes.js";
import { stage } from "./contents.js";
import { ADD_LINKS, findInode } from "./inode-row.js";
import { addMetadata } from "./metadata-row.js";
import { bytesOf, sqlValueOf } from "./value.js";
import { noteWorkMetadata, noteWorkMetadataRemoved, requireWorkValue } from "./work-metadata.js";

const UPDATE_INODE = command(
  `UPDATE inodes SET mode = ?, uid = ?, gid = ?, size_bytes = ?, blocks = ?,
     atime_sec = ?, atime_nsec = ?, mtime_sec = ?, mtime_nsec = ?, ctime_sec = ?, ctime_nsec = ?
   WHERE ino = ?`,
);

const RECORD_ACTIVITY = command(
  `UPDATE inodes SET size_bytes = coalesce(?, size_bytes), blocks = coalesce(?, blocks),
     atime_sec = coalesce(?, atime_sec), atime_nsec = coalesce(?, atime_nsec),
     mtime_sec = coalesce(?, mtime_sec), mtime_nsec = coalesce(?, mtime_nsec),
     ctime_sec = coalesce(?, ctime_sec), ctime_nsec = coalesce(?, ctime_nsec)
   WHERE ino = ?`,
);

interface AttributeStatements {
  readonly get: Statement;
  readonly list: Statement;
  readonly measure: Statement;
  readonly update: Statement;
  readonly remove: Statement;
}

const STATEMENTS: Readonly<Record<AttributeFamily, AttributeStatements>> = {
  custom: {
    get: query("SELECT value FROM file_metadata WHERE ino = ? AND key = ?"),
    list: query("SELECT key FROM file_metadata WHERE ino = ? ORDER BY key"),
    measure: query(
      "SELECT count(*), coalesce(sum(octet_length(key)), 0) FROM file_metadata WHERE ino = ?",
    ),
    update: command("UPDATE file_metadata SET value = ? WHERE ino = ? AND key = ?"),
    remove: command("DELETE FROM file_metadata WHERE ino = ? AND key = ?"),
  },
  system: {
    get: query("SELECT value FROM system_attributes WHERE ino = ? AND key = ?"),
    list: query("SELECT key FROM system_attributes WHERE ino = ? ORDER BY key"),
    measure: query(
      "SELECT count(*), coalesce(sum(octet_length(key)), 0) FROM system_attributes WHERE ino = ?",
    ),
    update: command("UPDATE system_attributes SET value = ? WHERE ino = ? AND key = ?"),
    remove: command("DELETE FROM system_attributes WHERE ino = ? AND key = ?"),
  },
};
const ADD_SYSTEM = command("INSERT INTO system_attributes (key, value, ino) VALUES (?, ?, ?)");

export function* setattr(request: SetAttributesRequest): Script<InodeRecord> {
  const inode = yield* requireInode(request.ino, "setattr");
  const { permissions, stagingId, now } = request;
  const mode =
    permissions === undefined ? inode.mode : (inode.mode & ~PERMISSION_BITS) | permissions;
  const changed: InodeRecord = {
    ...inode,
    mode,
    uid: request.uid ?? inode.uid,
    gid: request.gid ?? inode.gid,
    sizeBytes: request.sizeBytes ?? inode.sizeBytes,
    blocks: request.sizeBytes === 0 ? 0 : inode.blocks,
    atime: request.atime ?? inode.atime,
    mtime: request.mtime ?? inode.mtime,
    ctime: now,
  };
  yield* writeInode(changed);
  if (stagingId !== undefined) yield* stage({ ino: inode.ino, stagingId });
  if (request.sizeBytes !== undefined) yield* recordChange(inode.ino, { kind: "modified" });
  if (changesAttributes(request)) yield* recordChange(inode.ino, { kind: "attributes" });
  return changed;
}

/** The times that come with another size are no news by themselves. */
function changesAttributes({ permissions, uid, gid, sizeBytes }: SetAttributesRequest): boolean {
  return [permissions, uid, gid].some((value) => value !== undefined) || sizeBytes === undefined;
}

export function* recordActivity(activities: readonly FileActivity[]): Script<void> {
  for (const { ino, sizeBytes, blocks, atime, mtime, ctime } of activities) {
    yield* run(
      RECORD_ACTIVITY,
      sizeBytes ?? null,
      blocks ?? null,
      atime?.sec ?? null,
      atime?.nsec ?? null,
      mtime?.sec ?? null,
      mtime?.nsec ?? null,
      ctime?.sec ?? null,
      ctime?.nsec ?? null,
      ino,
    );
    // What is only read has another access time.
    if (mtime !== undefined || sizeBytes !== undefined) {
      yield* recordChange(ino, { kind: "modified" });
    }
  }
}

export function* getAttribute({ ino, family, key }: AttributeName): Script<Uint8Array | undefined> {
  const row = yield* first(STATEMENTS[family].get, ino, key);
  return row === undefined ? undefined : bytesOf(row[0]);
}

export function* listAttributes({
  ino,
  family,
}: {
  ino: Ino;
  family: AttributeFamily;
}): Script<string[]> {
  const rows = yield* all(STATEMENTS[family].list, ino);
  return rows.map((row) => text(row, 0));
}

export function* measureAttributes({
  ino,
  family,
}: {
  ino: Ino;
  family: AttributeFamily;
}): Script<AttributeSizes> {
  const row = yield* first(STATEMENTS[family].measure, ino);
  return row === undefined
    ? { keys: 0, bytes: 0 }
    : { keys: integer(row, 0), bytes: integer(row, 1) };
}

export function* setAttribute(request: SetAttributeRequest): Script<void> {
  const { ino, family, key, value, mode, now } = request;
  yield* requireInode(ino, "setxattr");
  const statements = STATEMENTS[family];
  const exists = (yield* first(statements.get, ino, key)) !== undefined;
  if (exists && mode === "create") {
    throw new NexusError("already-exists", `attribute '${key}' exists already`, { op: "setxattr" });
  }
  if (!exists && mode === "replace") {
    throw new NexusError("no-attribute", `no attribute '${key}'`, { op: "setxattr" });
  }
  const stored = sqlValueOf(value);
  const { work } = request;
  if (work !== undefined) requireWorkValue(key, String(stored));
  if (exists) yield* run(statements.update, stored, ino, key);
  else if (family === "system") yield* run(ADD_SYSTEM, key, stored, ino);
  else yield* addMetadata(ino, { key, value: stored, now });
  yield* first(ADD_LINKS, 0, now.sec, now.nsec, ino);
  if (work !== undefined) yield* noteWorkMetadata({ ino, key, value: String(stored), now }, work);
}

export function* setAttributes(requests: readonly SetAttributeRequest[]): Script<void> {
  for (const request of requests) yield* setAttribute(request);
  if ((yield* recordingTime()) === undefined) return;
  const byInode = new Map<Ino, SetAttributeRequest[]>();
  for (const request of requests) {
    const others = byInode.get(request.ino);
    if (others === undefined) byInode.set(request.ino, [request]);
    else others.push(request);
  }
  for (const [ino, own] of byInode) yield* recordAttributes(ino, own);
}

/** Extended attributes of one inode were set or removed. */
function* recordAttributes(
  ino: Ino,
  names: readonly Pick<AttributeName, "family" | "key">[],
): Script<void> {
  if (names.some(({ family }) => family === "system")) {
    yield* recordChange(ino, { kind: "attributes" });
  }
  const keys = names.filter(({ family }) => family === "custom").map(({ key }) => key);
  if (keys.length > 0) yield* recordChange(ino, { kind: "metadata", keys: [...new Set(keys)] });
}

export function* removeAttribute({ ino, family, key, now }: AttributeName & At): Script<boolean> {
  if ((yield* first(STATEMENTS[family].get, ino, key)) === undefined) return false;
  yield* run(STATEMENTS[family].remove, ino, key);
  yield* first(ADD_LINKS, 0, now.sec, now.nsec, ino);
  if (family === "custom") yield* noteWorkMetadataRemoved({ ino, key, now });
  yield* recordAttributes(ino, [{ family, key }]);
  return true;
}

function* requireInode(ino: Ino, op: string): Script<InodeRecord> {
  const inode = yield* findInode(ino);
  if (inode === undefined) throw new NexusError("not-found", `no inode ${ino}`, { op });
  return inode;
}

function* writeInode(inode: InodeRecord): Script<void> {
  const { atime, mtime, ctime } = inode;
  yield* run(
    UPDATE_INODE,
    inode.mode,
    inode.uid,
    inode.gid,
    inode.sizeBytes,
    inode.blocks,
    atime.sec,
    atime.nsec,
    mtime.sec,
    mtime.nsec,
    ctime.sec,
    ctime.nsec,
    inode.ino,
  );
}
