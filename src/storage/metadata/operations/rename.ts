import { isDirectory, S_IFCHR } from "../../../model/attributes.js";
import { NexusError } from "../../../model/errors.js";
import { type Ino, ROOT_INO } from "../../../model/ids.js";
import type { At, EntryName, RenameRequest, RenameResult } from "../metadata-store.js";
import { command, first, integer, query, run, type Script } from "../statement.js";
import { create, type NewInode, parentDirectory } from "./create.js";
import { ADD_LINKS, TOUCH_DIRECTORY } from "./inode-row.js";
import {
  DELETE_DENTRY,
  type FoundEntry,
  findEntry,
  loseName,
  requireEmpty,
  requireEntry,
} from "./remove.js";

const PARENT = query("SELECT parent FROM dentries WHERE ino = ?");
const MOVE_WITHIN = command("UPDATE dentries SET name = ? WHERE parent = ? AND name = ?");
const MOVE_ACROSS = command(
  "UPDATE dentries SET parent = ?, name = ?, cookie = ? WHERE parent = ? AND name = ?",
);
const POINT_AT = command("UPDATE dentries SET ino = ?, type = ? WHERE parent = ? AND name = ?");
const SET_MIME_TYPE = command("UPDATE inodes SET mime_type = ? WHERE ino = ?");

const OP = "rename";

/** What the store adds: a fresh cookie, and an inode in case a whiteout is left. */
export interface RenameNumbers {
  readonly cookie: number;
  readonly whiteoutInode: NewInode | undefined;
}

export function* rename(request: RenameRequest & RenameNumbers): Script<RenameResult> {
  const { parent, name, newParent, newName, mode, now } = request;
  const source = yield* requireEntry({ parent, name }, OP);
  yield* parentDirectory(newParent, OP);
  const target = yield* findEntry({ parent: newParent, name: newName });
  if (mode === "exchange") return yield* exchange(request, { source, target });
  if (target !== undefined && mode === "no-replace") {
    throw new NexusError("already-exists", `'${newName}' exists already`, { op: OP });
  }
  // POSIX: two names of one file stay both.
  if (target?.ino === source.ino) return { replaced: undefined };
  yield* requireOutside(source, newParent);

  const directory = isDirectory(source.mode);
  const replaced = target === undefined ? undefined : yield* replace(request, { source, target });
  if (parent === newParent) {
    yield* run(MOVE_WITHIN, newName, parent, name);
  } else {
    yield* run(MOVE_ACROSS, newParent, newName, request.cookie, parent, name);
  }
  yield* touch(source.ino, { now });
  if (!directory) yield* run(SET_MIME_TYPE, request.mimeType ?? null, source.ino);
  const moved = directory && parent !== newParent ? 1 : 0;
  yield* touchDirectory(parent, { links: -moved, now });
  if (parent !== newParent) yield* touchDirectory(newParent, { links: moved, now });
  if (request.whiteout !== undefined && request.whiteoutInode !== undefined) {
    yield* leaveWhiteout(request, { ...request.whiteout, ...request.whiteoutInode });
  }
  return { replaced };
}

/** Takes the old target's name away, after checking that the two kinds fit. */
function* replace(
  { newParent, newName, now }: RenameRequest,
  { source, target }: { source: FoundEntry; target: FoundEntry },
): Script<RenameResult["replaced"]> {
  if (isDirectory(source.mode)) {
    if (!isDirectory(target.mode)) {
      throw new NexusError("not-a-directory", `'${newName}' is not a directory`, { op: OP });
    }
    yield* requireEmpty(target, OP);
  } else if (isDirectory(target.mode)) {
    throw new NexusError("is-a-directory", `'${newName}' is a directory`, { op: OP });
  }
  yield* run(DELETE_DENTRY, newParent, newName);
  if (isDirectory(target.mode)) yield* touchDirectory(newParent, { links: -1, now });
  return yield* loseName(target, { now });
}

/** RENAME_EXCHANGE: each name leads to what the other one did. Cookies stay with the names. */
function* exchange(
  { parent, name, newParent, newName, now }: RenameRequest,
  { source, target }: { source: FoundEntry; target: FoundEntry | undefined },
): Script<RenameResult> {
  if (target === undefined) {
    throw new NexusError("not-found", `no entry '${newName}'`, { op: OP });
  }
  if (target.ino === source.ino) return { replaced: undefined };
  yield* requireOutside(source, newParent);
  yield* requireOutside(target, parent);
  yield* run(POINT_AT, target.ino, target.mode >>> 12, parent, name);
  yield* run(POINT_AT, source.ino, source.mode >>> 12, newParent, newName);
  yield* touch(source.ino, { now });
  yield* touch(target.ino, { now });
  const gained = Number(isDirectory(target.mode)) - Number(isDirectory(source.mode));
  const links = parent === newParent ? 0 : gained;
  yield* touchDirectory(parent, { links, now });
  if (parent !== newParent) yield* touchDirectory(newParent, { links: -links, now });
  return { replaced: undefined };
}

/** A directory can't move into itself: EINVAL when `into` is it or lies below it. */
function* requireOutside(moved: FoundEntry, into: Ino): Script<void> {
  if (!isDirectory(moved.mode)) return;
  for (let at: Ino = into; at !== ROOT_INO; ) {
    if (at === moved.ino) {
      throw new NexusError("invalid-argument", "a directory can't move into itself", { op: OP });
    }
    const row = yield* first(PARENT, at);
    if (row === undefined) return;
    at = integer(row, 0) as Ino;
  }
}

function* leaveWhiteout(
  { parent, name, now }: EntryName & At,
  owner: { uid: number; gid: number } & NewInode,
): Script<void> {
  yield* create({
    ...owner,
    parent,
    name,
    now,
    mode: S_IFCHR,
    rdev: 0,
    tenantId: undefined,
    agentId: undefined,
    mimeType: undefined,
  });
}

function* touch(ino: Ino, { now }: At): Script<void> {
  yield* run(ADD_LINKS, 0, now.sec, now.nsec, ino);
}

function* touchDirectory(ino: Ino, { links, now }: At & { links: number }): Script<void> {
  yield* run(TOUCH_DIRECTORY, now.sec, now.nsec, now.sec, now.nsec, links, ino);
}
