import { isSymlink } from "../../../model/attributes.js";
import { NexusError } from "../../../model/errors.js";
import type { AgentId, ContentHash, Ino, PathId, TenantId } from "../../../model/ids.js";
import type {
  DirectoryEntry,
  DirectoryEntryPlus,
  DirectoryPage,
  EntryName,
  FileDescription,
  InodeRecord,
  NamePage,
} from "../metadata-store.js";
import {
  all,
  first,
  integer,
  LIMIT_PARAMETER,
  optionalText,
  query,
  type Row,
  type Script,
  text,
} from "../statement.js";
import { findInode, INODE_COLUMN_COUNT, inodeColumns, inodeRecord } from "./inode-row.js";
import { bytesOf } from "./value.js";

const LOOKUP = query(
  `SELECT ${inodeColumns("i")} FROM dentries d JOIN inodes i ON i.ino = d.ino WHERE d.parent = ? AND d.name = ?`,
);
const TARGET = query("SELECT target FROM symlinks WHERE ino = ?");
const LIST = query(
  `SELECT name, ino, type, cookie FROM dentries WHERE parent = ? AND cookie > ? ORDER BY cookie ${LIMIT_PARAMETER}`,
);
const LIST_PLUS = query(
  `SELECT ${inodeColumns("i")}, d.name, d.ino, d.type, d.cookie FROM dentries d JOIN inodes i ON i.ino = d.ino
   WHERE d.parent = ? AND d.cookie > ? ORDER BY d.cookie ${LIMIT_PARAMETER}`,
);
const LIST_BY_NAME = query(
  `SELECT ${inodeColumns("i")}, d.name, d.ino, d.type, d.cookie FROM dentries d JOIN inodes i ON i.ino = d.ino
   WHERE d.parent = ? AND d.name > ? ORDER BY d.name ${LIMIT_PARAMETER}`,
);
const DESCRIBE = query(
  `SELECT i.path_id, i.version, i.content_hash, coalesce(c.ref_count, 0), i.mime_type, i.tenant_id, i.agent_id, i.btime_sec, i.btime_nsec
   FROM inodes i LEFT JOIN contents c ON c.hash = i.content_hash WHERE i.ino = ?`,
);
const BY_PATH_ID = query("SELECT ino FROM inodes WHERE path_id = ?");
const ENTRY = query("SELECT parent, name FROM dentries WHERE ino = ? LIMIT 1");
const ENTRIES_OF_CONTENT = query(
  `SELECT d.parent, d.name FROM inodes i JOIN dentries d ON d.ino = i.ino
   WHERE i.content_hash = ? GROUP BY i.ino`,
);
const COUNT = query("SELECT count(*) FROM inodes");

export function* lookup({ parent, name }: EntryName): Script<InodeRecord | undefined> {
  const row = yield* first(LOOKUP, parent, name);
  return row === undefined ? undefined : inodeRecord(row);
}

export function* getattr(ino: Ino): Script<InodeRecord | undefined> {
  return yield* findInode(ino);
}

export function* inodeOf(pathId: PathId): Script<Ino | undefined> {
  const row = yield* first(BY_PATH_ID, pathId);
  return row === undefined ? undefined : (integer(row, 0) as Ino);
}

export function* readlink(ino: Ino): Script<Uint8Array> {
  const row = yield* first(TARGET, ino);
  if (row === undefined) {
    const inode = yield* findInode(ino);
    const kind = inode !== undefined && !isSymlink(inode.mode) ? "invalid-argument" : "not-found";
    throw new NexusError(kind, `inode ${ino} is not a symlink`, { op: "readlink" });
  }
  return bytesOf(row[0]);
}

export function* readdir({ ino, after, limit }: DirectoryPage): Script<DirectoryEntry[]> {
  const rows = yield* all(LIST, ino, after, limit);
  return rows.map((row) => directoryEntry(row, 0));
}

export function* readdirPlus({ ino, after, limit }: DirectoryPage): Script<DirectoryEntryPlus[]> {
  return (yield* all(LIST_PLUS, ino, after, limit)).map(directoryEntryPlus);
}

export function* readdirByName({ ino, after, limit }: NamePage): Script<DirectoryEntryPlus[]> {
  return (yield* all(LIST_BY_NAME, ino, after, limit)).map(directoryEntryPlus);
}

export function* describe(ino: Ino): Script<FileDescription | undefined> {
  const row = yield* first(DESCRIBE, ino);
  if (row === undefined) return undefined;
  return {
    pathId: text(row, 0) as PathId,
    version: integer(row, 1),
    contentHash: optionalText<ContentHash>(row, 2),
    refCount: integer(row, 3),
    mimeType: optionalText(row, 4),
    tenantId: optionalText<TenantId>(row, 5),
    agentId: optionalText<AgentId>(row, 6),
    createdAt: { sec: integer(row, 7), nsec: integer(row, 8) },
  };
}

export function* entryOf(ino: Ino): Script<EntryName | undefined> {
  const row = yield* first(ENTRY, ino);
  return row === undefined ? undefined : entryName(row);
}

export function* entriesOfContent(hash: ContentHash): Script<EntryName[]> {
  return (yield* all(ENTRIES_OF_CONTENT, hash)).map(entryName);
}

export function* countInodes(): Script<number> {
  const row = yield* first(COUNT);
  return row === undefined ? 0 : integer(row, 0);
}

function entryName(row: Row): EntryName {
  return { parent: integer(row, 0) as Ino, name: text(row, 1) };
}

function directoryEntryPlus(row: Row): DirectoryEntryPlus {
  return { ...directoryEntry(row, INODE_COLUMN_COUNT), inode: inodeRecord(row) };
}

function directoryEntry(row: Row, from: number): DirectoryEntry {
  return {
    name: text(row, from),
    ino: integer(row, from + 1) as Ino,
    mode: integer(row, from + 2) << 12,
    cookie: integer(row, from + 3),
  };
}
