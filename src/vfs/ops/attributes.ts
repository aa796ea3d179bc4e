import { authorize } from "../../core/isolation.js";
import type { Limits, Usage } from "../../core/quota.js";
import {
  type Attributes,
  isDirectory,
  isRegular,
  NAME_MAX_BYTES,
  PERMISSION_BITS,
  S_ISGID,
  S_ISUID,
  withoutSetId,
} from "../../model/attributes.js";
import { NexusError } from "../../model/errors.js";
import { type Caller, isBound } from "../../model/identity.js";
import { type MaybePromise, whenReady } from "../../model/maybe-promise.js";
import type { Timestamp } from "../../model/timestamp.js";
import type { FileSystemStat, InodeRequest, SetAttrRequest } from "../file-system.js";
import type { Inode } from "../inode.js";
import type { Volume } from "../volume.js";
import { dropCapabilities, requireOwnerOrWriter } from "./content-change.js";
import { truncate } from "./truncate.js";

export function getattr(
  volume: Volume,
  { caller, ino }: InodeRequest & { caller: Caller },
): Attributes {
  const inode = volume.readable(caller, ino);
  return volume.attributes(caller, { record: volume.record(inode), place: inode.place });
}

export function setattr(
  volume: Volume,
  { caller, ...request }: SetAttrRequest & { caller: Caller },
): MaybePromise<Attributes> {
  const inode = changeableInode(volume, { caller, request });
  const { sizeBytes } = request;
  if (sizeBytes === undefined) return apply(volume, { caller, inode, request });
  if (isDirectory(inode.mode)) throw new NexusError("is-a-directory", "a directory has no size");
  if (!isRegular(inode.mode)) throw new NexusError("invalid-argument", "not a regular file");
  return whenReady(truncate(volume, { caller, inode, sizeBytes }), () =>
    apply(volume, { caller, inode, request }),
  );
}

export function statfs(
  volume: Volume,
  { caller, ino }: InodeRequest & { caller: Caller },
): FileSystemStat {
  const inode = volume.readable(caller, ino);
  const { blockBytes, blocks, blocksFree, blocksAvailable, filesFree } = volume.contents.capacity();
  // How many files others have, and when they get more, is none of a tenant's business.
  const filesUsed = isBound(caller.identity) ? 0 : volume.metadata.countInodes();
  const files = filesUsed + filesFree;
  const hasRoom = volume.metadata.hasRoom();
  const disk = {
    blockBytes,
    blocks,
    blocksFree,
    blocksAvailable: hasRoom ? blocksAvailable : 0,
    files,
    filesFree,
    nameMaxBytes: NAME_MAX_BYTES,
  };
  const quota = volume.quotas?.stateOf(inode.place.zone.tenantId ?? caller.identity.tenantId);
  return quota === undefined ? disk : withinQuota(disk, quota);
}

/** A tenant's limits are its disk, as far as the real one reaches. */
function withinQuota(
  disk: FileSystemStat,
  { limits, usage }: { limits: Limits; usage: Usage },
): FileSystemStat {
  const { blockBytes } = disk;
  const within = (limit: number, { used, free }: { used: number; free: number }) => {
    const left = Math.min(Math.max(0, limit - used), free);
    return { total: Math.min(limit, used + free), free: left };
  };
  const bytes =
    limits.bytes === undefined
      ? undefined
      : within(Math.floor(limits.bytes / blockBytes), {
          used: Math.ceil(usage.bytes / blockBytes),
          free: disk.blocksAvailable,
        });
  const files =
    limits.files === undefined
      ? undefined
      : within(limits.files, { used: usage.files, free: disk.filesFree });
  return {
    ...disk,
    ...(bytes && { blocks: bytes.total, blocksFree: bytes.free, blocksAvailable: bytes.free }),
    ...(files && { files: files.total, filesFree: files.free }),
  };
}

/** An open handle for writing may truncate, as ftruncate(2) does. */
function changeableInode(
  volume: Volume,
  { caller, request }: { caller: Caller; request: SetAttrRequest },
): Inode {
  if (request.handle === undefined) return volume.changeable(caller, request.ino);
  const { inode } = volume.handles.get(request.handle);
  authorize(caller.identity, { place: inode.place, access: "write" });
  return inode;
}

/** Everything but the size, which is set already. */
function apply(
  volume: Volume,
  { caller, inode, request }: { caller: Caller; inode: Inode; request: SetAttrRequest },
): Attributes {
  const { ino, place } = inode;
  const isNothing = setsNothing(request);
  if (isNothing && !isDirectory(inode.mode)) requireOwnerOrWriter(volume, { caller, inode });
  const now = volume.clock.now();
  const permissions = permissionsAfter(inode, { caller, request, isNothing });
  const atime = moment(request.atime, now);
  const mtime = moment(request.mtime, now);
  const { uid, gid } = request;
  const changes = {
    ...(permissions === undefined ? {} : { permissions }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    ...(atime === undefined ? {} : { atime }),
    ...(mtime === undefined ? {} : { mtime }),
  };
  volume.activity.record(inode);
  if (Object.keys(changes).length === 0 && !isNothing) {
    return volume.attributes(caller, { record: volume.record(inode), place });
  }
  if (uid !== undefined || gid !== undefined) dropCapabilities(volume, inode);
  const record = volume.metadata.setattr({ ino, now, ...changes });
  inode.mode = record.mode;
  inode.isAtimeSettled = false;
  if (mtime !== undefined) stampStaged(volume, { inode, mtime });
  volume.changes.note({ kind: "attributes", ino }, caller);
  return volume.attributes(caller, { record, place });
}

/** chown(2) takes the set-id bits of all but directories, and so does a change of content by the unprivileged. */
function permissionsAfter(
  { mode }: Inode,
  { caller, request, isNothing }: { caller: Caller; request: SetAttrRequest; isNothing: boolean },
): number | undefined {
  if (request.permissions !== undefined) return request.permissions & PERMISSION_BITS;
  if (isDirectory(mode)) return undefined;
  const changesOwner = request.uid !== undefined || request.gid !== undefined;
  if (!(changesOwner || isNothing || request.killSetId === true)) return undefined;
  const without = withoutSetId(mode);
  // Without group execute the kernel takes S_ISGID from who isn't of the file's group. When that is
  // the only bit there is to take, it is what the kernel asks for; user 0 just has called chown(2).
  const kept =
    isNothing && caller.uid !== 0 && (mode & S_ISUID) === 0 ? without & ~S_ISGID : without;
  return kept === mode ? undefined : kept & PERMISSION_BITS;
}

/**
 * Sets nothing at all: chown(f, -1, -1), or what the kernel sends before somebody writes to a file who
 * may not keep its set-id bits (ATTR_KILL_SUID and ATTR_KILL_SGID; it leaves them to us, see
 * FUSE_HANDLE_KILLPRIV_V2). Both take those bits and move ctime. The answer tells the kernel the new
 * mode, which that of a write wouldn't: it would go on running the file as its owner.
 */
function setsNothing(request: SetAttrRequest): boolean {
  const { permissions, uid, gid, sizeBytes, atime, mtime } = request;
  return [permissions, uid, gid, sizeBytes, atime, mtime].every((value) => value === undefined);
}

function moment(time: Timestamp | "now" | undefined, now: Timestamp): Timestamp | undefined {
  return time === "now" ? now : time;
}

/** Recovery takes the time of a staged content from its file, so the file has to know. */
function stampStaged(volume: Volume, { inode, mtime }: { inode: Inode; mtime: Timestamp }): void {
  const staged = volume.staging.of(inode.ino);
  if (staged === undefined || !staged.hasFile) return;
  volume.staging.file(staged).setModified(mtime);
  staged.noteTime();
  volume.staging.letGo(staged);
}
