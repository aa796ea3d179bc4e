import {
  BLOCK_BYTES,
  isDirectory,
  isRegular,
  isSymlink,
  S_ISGID,
} from "../../../model/attributes.js";
import { NexusError } from "../../../model/errors.js";
import type { Ino, PathId } from "../../../model/ids.js";
import type { CreateRequest, EntryName, InodeRecord, LinkRequest } from "../metadata-store.js";
import { command, first, run, type Script } from "../statement.js";
import { recordCreated } from "./changes.js";
import { ADD_LINKS, findInode, touchDirectory } from "./inode-row.js";
import { sqlValueOf } from "./value.js";
import { noteArrival, noteNamed } from "./work-dependencies.js";

/** What the store adds to a request: numbers that no inode or entry had before. */
export interface NewInode {
  readonly ino: Ino;
  readonly pathId: PathId;
}

/** link(2): EMLINK beyond this, as ext4 has it. */
const MAX_LINKS = 65_000;

const INSERT_INODE = command(
  `INSERT INTO inodes (ino, path_id, mode, uid, gid, nlink, size_bytes, blocks, rdev,
     atime_sec, atime_nsec, mtime_sec, mtime_nsec, ctime_sec, ctime_nsec, btime_sec, btime_nsec,
     content_hash, version, staging_id, mime_type, tenant_id, agent_id)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, 0, ?, ?, ?, ?)`,
);
const INSERT_DENTRY = command(
  `INSERT INTO dentries (parent, name, ino, cookie, type) VALUES (?, ?, ?, ?, ?)
   ON CONFLICT (parent, name) DO NOTHING`,
);
const SET_MIME_TYPE = command("UPDATE inodes SET mime_type = ? WHERE ino = ?");
const INSERT_SYMLINK = command("INSERT INTO symlinks (ino, target) VALUES (?, ?)");

export function* create(request: CreateRequest & NewInode): Script<InodeRecord> {
  const { parent, name, ino, mode, now } = request;
  yield* insertDentry({ parent, name, ino, cookie: ino, type: mode >>> 12 });
  const links = isDirectory(mode) ? 1 : 0;
  const directory = yield* touchDirectory(parent, { links, now });
  const made = yield* insertInode({ ...request, ...inheritGroup(request, directory) });
  yield* recordCreated({ parent, name, ino, mode, isNew: true });
  return made;
}

export function* createUnnamed(
  request: Omit<CreateRequest, "parent" | "name"> & NewInode,
): Script<InodeRecord> {
  return yield* insertInode({ ...request, nlink: 0 });
}

export function* link(request: LinkRequest & { cookie: number }): Script<InodeRecord> {
  const { ino, parent, name, cookie, now } = request;
  const inode = yield* findInode(ino);
  if (inode === undefined) throw new NexusError("not-found", `no inode ${ino}`, { op: "link" });
  if (isDirectory(inode.mode)) {
    throw new NexusError("not-permitted", "a directory can't have a second name", { op: "link" });
  }
  if (inode.nlink >= MAX_LINKS) {
    throw new NexusError("too-many-links", `inode ${ino} has ${inode.nlink} names`, { op: "link" });
  }
  yield* insertDentry({ parent, name, ino, cookie, type: inode.mode >>> 12 });
  yield* first(ADD_LINKS, 1, now.sec, now.nsec, ino);
  const { mimeType } = request;
  if (inode.nlink === 0 && mimeType !== undefined) yield* run(SET_MIME_TYPE, mimeType, ino);
  yield* touchDirectory(parent, { links: 0, now });
  yield* recordCreated({ parent, name, ino, mode: inode.mode, isNew: inode.nlink === 0 });
  if (inode.nlink === 0) yield* noteNamed(ino);
  yield* noteArrival(ino, { type: inode.mode >>> 12, now });
  return { ...inode, nlink: inode.nlink + 1, ctime: now };
}

/** Comes first: a name that is taken changes nothing. */
function* insertDentry({
  parent,
  name,
  ino,
  cookie,
  type,
}: EntryName & { ino: Ino; cookie: number; type: number }): Script<void> {
  if ((yield* run(INSERT_DENTRY, parent, name, ino, cookie, type)) === 0) {
    throw new NexusError("already-exists", `'${name}' exists already`, { path: name });
  }
}

/** In a set-group-id directory, entries get its group and directories the bit; inode(7). */
function inheritGroup(
  { mode, gid }: { mode: number; gid: number },
  directory: { mode: number; gid: number },
): { mode: number; gid: number } {
  if ((directory.mode & S_ISGID) === 0) return { mode, gid };
  return { mode: isDirectory(mode) ? mode | S_ISGID : mode, gid: directory.gid };
}

function* insertInode(
  request: Omit<CreateRequest, "parent" | "name"> & NewInode & { nlink?: number },
): Script<InodeRecord> {
  const { ino, pathId, mode, uid, gid, rdev, now, target, stagingId } = request;
  const directory = isDirectory(mode);
  const nlink = request.nlink ?? (directory ? 2 : 1);
  const sizeBytes = directory ? BLOCK_BYTES : (target?.length ?? 0);
  const blocks = directory ? BLOCK_BYTES / 512 : 0;
  yield* run(
    INSERT_INODE,
    ino,
    pathId,
    mode,
    uid,
    gid,
    nlink,
    sizeBytes,
    blocks,
    rdev,
    now.sec,
    now.nsec,
    now.sec,
    now.nsec,
    now.sec,
    now.nsec,
    now.sec,
    now.nsec,
    (isRegular(mode) && stagingId) || null,
    request.mimeType ?? null,
    request.tenantId ?? null,
    request.agentId ?? null,
  );
  if (isSymlink(mode) && target !== undefined) {
    yield* run(INSERT_SYMLINK, ino, sqlValueOf(target));
  }
  const times = { atime: now, mtime: now, ctime: now, btime: now };
  return { ino, mode, uid, gid, nlink, sizeBytes, blocks, rdev, ...times, contentHash: undefined };
}
