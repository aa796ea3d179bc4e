import { isDirectory, isRegular, S_IFCHR } from "../../../model/attributes.js";
import { NexusError } from "../../../model/errors.js";
import { type Ino, ROOT_INO } from "../../../model/ids.js";
import type { At, EntryName, RenameRequest, RenameResult, Unlinked } from "../metadata-store.js";
import { command, first, integer, query, run, type Script } from "../statement.js";
import { recordCreated, recordRemoved, recordRenamed } from "./changes.js";
import { create, type NewInode } from "./create.js";
import { ADD_LINKS, touchDirectory } from "./inode-row.js";
import {
  DELETE_DENTRY,
  type FoundEntry,
  findEntry,
  loseName,
  requireEmpty,
  requireEntry,
} from "./remove.js";
import { noteArrival } from "./work-dependencies.js";

const PARENT = query("SELECT parent FROM dentries WHERE ino = ?");
const MOVE_WITHIN = command("UPDATE dentries SET name = ? WHERE parent = ? AND name = ?");
const MOVE_ACROSS = command(
  "UPDATE dentries SET parent = ?, name = ?, cookie = ? WHERE parent = ? AND name = ?",
);
const POINT_AT = command("UPDATE dentries SET ino = ?, type = ? WHERE parent = ? AND name = ?");
const SET_MIME_TYPE = command("UPDATE inodes SET mime_type = ? WHERE ino = ?");

const OP = "rename";
const NOTHING_MOVED: Renamed = { moved: [], replaced: undefined, leftWhiteout: false };

/** What the store adds: a fresh cookie, and an inode in case a whiteout is left. */
export interface RenameNumbers {
  readonly cookie: number;
  readonly whiteoutInode: NewInode | undefined;
}

export interface Renamed extends RenameResult {
  /** Not when both names led to the same inode, and nothing was renamed. */
  readonly leftWhiteout: boolean;
}

export function* rename(request: RenameRequest & RenameNumbers): Script<Renamed> {
  const { parent, name, newParent, newName, mode, now } = request;
  const source = yield* requireEntry({ parent, name }, OP);
  const target = yield* findEntry({ parent: newParent, name: newName });
  if (mode === "exchange") return yield* exchange(request, { source, target });
  if (target !== undefined && mode === "no-replace") {
    throw new NexusError("already-exists", `'${newName}' exists already`, { op: OP });
  }
  // POSIX: two names of one file stay both.
  if (target?.ino === source.ino) return NOTHING_MOVED;
  yield* requireOutside(source, newParent);
  if (target !== undefined) yield* requireReplaceable({ source, target });

  // All is checked but whether the directory was removed, and that is the first thing written.
  const directory = isDirectory(source.mode);
  const moved = directory && parent !== newParent ? 1 : 0;
  const lost = target !== undefined && isDirectory(target.mode) ? 1 : 0;
  yield* touchDirectory(newParent, { links: moved - lost, now });
  if (parent !== newParent) yield* touchDirectory(parent, { links: -moved, now });
  let replaced: Unlinked | undefined;
  if (target !== undefined) {
    // The name stays, and keeps its cookie: who lists the directory meanwhile sees it once.
    yield* run(DELETE_DENTRY, parent, name);
    yield* run(POINT_AT, source.ino, source.mode >>> 12, newParent, newName);
    yield* recordRemoved({ parent: newParent, name: newName, ...target });
    replaced = yield* loseName(target, { now });
  } else if (parent === newParent) {
    yield* run(MOVE_WITHIN, newName, parent, name);
  } else {
    yield* run(MOVE_ACROSS, newParent, newName, request.cookie, parent, name);
  }
  const { ino, mode: sourceMode } = source;
  const renamed = { ino, mode: sourceMode, parent: newParent, name: newName };
  yield* recordRenamed(renamed, { parent, name });
  yield* touch(source.ino, { now });
  yield* setMimeType(source, request.newMimeType);
  yield* noteArrival(source.ino, { type: source.mode >>> 12, now });
  const { whiteout, whiteoutInode } = request;
  if (whiteout === undefined || whiteoutInode === undefined) {
    return { moved: [source.ino], replaced, leftWhiteout: false };
  }
  yield* leaveWhiteout(request, { ...whiteout, ...whiteoutInode });
  return { moved: [source.ino], replaced, leftWhiteout: true };
}

/** The two kinds have to fit, and a directory has to be empty to be replaced. */
function* requireReplaceable({
  source,
  target,
}: {
  source: FoundEntry;
  target: FoundEntry;
}): Script<void> {
  if (!isDirectory(source.mode)) {
    if (!isDirectory(target.mode)) return;
    throw new NexusError("is-a-directory", "the new name is a directory's", { op: OP });
  }
  if (!isDirectory(target.mode)) {
    throw new NexusError("not-a-directory", "the new name is no directory's", { op: OP });
  }
  yield* requireEmpty(target, OP);
}

/** RENAME_EXCHANGE: each name leads to what the other one did. Cookies stay with the names. */
function* exchange(
  { parent, name, newParent, newName, now, mimeType, newMimeType }: RenameRequest,
  { source, target }: { source: FoundEntry; target: FoundEntry | undefined },
): Script<Renamed> {
  if (target === undefined) {
    throw new NexusError("not-found", `no entry '${newName}'`, { op: OP });
  }
  if (target.ino === source.ino) return NOTHING_MOVED;
  yield* requireOutside(source, newParent);
  yield* requireOutside(target, parent);
  const [old, other] = [
    { parent, name },
    { parent: newParent, name: newName },
  ];
  yield* recordRemoved({ ...source, ...old });
  yield* recordRemoved({ ...target, ...other });
  yield* run(POINT_AT, target.ino, target.mode >>> 12, parent, name);
  yield* run(POINT_AT, source.ino, source.mode >>> 12, newParent, newName);
  yield* recordCreated({ ...target, ...old, isNew: false });
  yield* recordCreated({ ...source, ...other, isNew: false });
  yield* touch(source.ino, { now });
  yield* touch(target.ino, { now });
  yield* setMimeType(source, newMimeType);
  yield* setMimeType(target, mimeType);
  const gained = Number(isDirectory(target.mode)) - Number(isDirectory(source.mode));
  const links = parent === newParent ? 0 : gained;
  yield* touchDirectory(parent, { links, now });
  if (parent !== newParent) yield* touchDirectory(newParent, { links: -links, now });
  yield* noteArrival(source.ino, { type: source.mode >>> 12, now });
  yield* noteArrival(target.ino, { type: target.mode >>> 12, now });
  return { moved: [source.ino, target.ino], replaced: undefined, leftWhiteout: false };
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
  owner: Required<RenameRequest>["whiteout"] & NewInode,
): Script<void> {
  yield* create({
    ...owner,
    parent,
    name,
    now,
    mode: S_IFCHR,
    rdev: 0,
    tenantId: owner.tenantId,
    agentId: owner.agentId,
    mimeType: undefined,
  });
}

function* setMimeType({ ino, mode }: FoundEntry, mimeType: string | undefined): Script<void> {
  if (isRegular(mode)) yield* run(SET_MIME_TYPE, mimeType ?? null, ino);
}

function* touch(ino: Ino, { now }: At): Script<void> {
  yield* first(ADD_LINKS, 0, now.sec, now.nsec, ino);
}
