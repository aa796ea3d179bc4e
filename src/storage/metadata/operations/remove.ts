import { isDirectory, isRegular, isSymlink } from "../../../model/attributes.js";
import { NexusError } from "../../../model/errors.js";
import type { ContentHash, Ino, StagingId } from "../../../model/ids.js";
import type { At, EntryName, Reaped, Unlinked } from "../metadata-store.js";
import {
  all,
  command,
  first,
  integer,
  optionalText,
  query,
  run,
  type Script,
} from "../statement.js";
import { recordRemoved } from "./changes.js";
import { dropReference } from "./contents.js";
import { ADD_LINKS, touchDirectory } from "./inode-row.js";
import { forgetItem, noteUnnamed } from "./work-dependencies.js";

const FIND_ENTRY = query(
  "SELECT i.ino, i.mode, i.nlink FROM dentries d JOIN inodes i ON i.ino = d.ino WHERE d.parent = ? AND d.name = ?",
);
const HAS_ENTRIES = query("SELECT 1 FROM dentries WHERE parent = ? LIMIT 1");
export const DELETE_DENTRY = command("DELETE FROM dentries WHERE parent = ? AND name = ?");
/** Of anything but a directory; `struct dirent` has type 4 for those. */
const DELETE_FILE_DENTRY = command(
  "DELETE FROM dentries WHERE parent = ? AND name = ? AND type <> 4 RETURNING ino, type",
);
/** A count that is wrong, which is damage, shall cost no file its inode; the root has no name. */
const IS_ORPHAN =
  "nlink = 0 AND ino <> 1 AND NOT EXISTS (SELECT 1 FROM dentries d WHERE d.ino = inodes.ino)";
const ORPHANS = query(`SELECT ino FROM inodes WHERE ${IS_ORPHAN}`);
const DELETE_ORPHAN = command(
  `DELETE FROM inodes WHERE ino = ? AND ${IS_ORPHAN} RETURNING mode, content_hash, staging_id`,
);
const DELETE_SYMLINK = command("DELETE FROM symlinks WHERE ino = ?");
const DELETE_METADATA = command("DELETE FROM file_metadata WHERE ino = ?");
const DELETE_ATTRIBUTES = command("DELETE FROM system_attributes WHERE ino = ?");

/** What a name leads to, with what rename and rmdir need to know of it. */
export interface FoundEntry {
  readonly ino: Ino;
  readonly mode: number;
  readonly nlink: number;
}

export function* findEntry({ parent, name }: EntryName): Script<FoundEntry | undefined> {
  const row = yield* first(FIND_ENTRY, parent, name);
  if (row === undefined) return undefined;
  return { ino: integer(row, 0) as Ino, mode: integer(row, 1), nlink: integer(row, 2) };
}

export function* unlink({ parent, name, now }: EntryName & At): Script<Unlinked> {
  const row = yield* first(DELETE_FILE_DENTRY, parent, name);
  if (row === undefined) {
    yield* requireEntry({ parent, name }, "unlink");
    throw new NexusError("is-a-directory", `'${name}' is a directory`, { op: "unlink" });
  }
  const ino = integer(row, 0) as Ino;
  yield* touchDirectory(parent, { links: 0, now });
  const left = yield* first(ADD_LINKS, -1, now.sec, now.nsec, ino);
  const nlink = left === undefined ? 0 : integer(left, 0);
  yield* recordRemoved({ parent, name, ino, mode: integer(row, 1) << 12 });
  if (nlink === 0) yield* noteUnnamed(ino);
  return { ino, nlink };
}

export function* rmdir({ parent, name, now }: EntryName & At): Script<Unlinked> {
  const entry = yield* requireEntry({ parent, name }, "rmdir");
  if (!isDirectory(entry.mode)) {
    throw new NexusError("not-a-directory", `'${name}' is not a directory`, { op: "rmdir" });
  }
  yield* requireEmpty(entry, "rmdir");
  yield* run(DELETE_DENTRY, parent, name);
  yield* touchDirectory(parent, { links: -1, now });
  yield* recordRemoved({ parent, name, ...entry });
  return yield* loseName(entry, { now });
}

export function* requireEntry(entryName: EntryName, op: string): Script<FoundEntry> {
  const entry = yield* findEntry(entryName);
  if (entry === undefined) {
    throw new NexusError("not-found", `no entry '${entryName.name}'`, { op });
  }
  return entry;
}

export function* requireEmpty(entry: FoundEntry, op: string): Script<void> {
  if ((yield* first(HAS_ENTRIES, entry.ino)) !== undefined) {
    throw new NexusError("directory-not-empty", "the directory is not empty", { op });
  }
}

/** One name less. A directory has one name and the links of itself; all of them go. */
export function* loseName(entry: FoundEntry, { now }: At): Script<Unlinked> {
  const lost = isDirectory(entry.mode) ? entry.nlink : 1;
  yield* first(ADD_LINKS, -lost, now.sec, now.nsec, entry.ino);
  const nlink = entry.nlink - lost;
  if (nlink === 0 && isRegular(entry.mode)) yield* noteUnnamed(entry.ino);
  return { ino: entry.ino, nlink };
}

export function* orphans(): Script<Ino[]> {
  const rows = yield* all(ORPHANS);
  return rows.map((row) => integer(row, 0) as Ino);
}

export function* reap(inos: readonly Ino[]): Script<Reaped> {
  let count = 0;
  const stagingIds: StagingId[] = [];
  const unreferenced: ContentHash[] = [];
  for (const ino of inos) {
    const row = yield* first(DELETE_ORPHAN, ino);
    if (row === undefined) continue;
    count += 1;
    yield* run(DELETE_METADATA, ino);
    yield* run(DELETE_ATTRIBUTES, ino);
    if (isSymlink(integer(row, 0))) yield* run(DELETE_SYMLINK, ino);
    if (isRegular(integer(row, 0))) yield* forgetItem(ino);
    const hash = optionalText<ContentHash>(row, 1);
    if (hash !== undefined && (yield* dropReference(hash))) unreferenced.push(hash);
    if (row[2] !== null) stagingIds.push(integer(row, 2) as StagingId);
  }
  return { count, stagingIds, unreferenced };
}
