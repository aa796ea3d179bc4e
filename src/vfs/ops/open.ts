import { authorize } from "../../core/isolation.js";
import { isDirectory, isRegular, withoutSetId } from "../../model/attributes.js";
import { NexusError } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import { type MaybePromise, whenReady } from "../../model/maybe-promise.js";
import type { Opened, OpenRequest } from "../file-system.js";
import type { Inode } from "../inode.js";
import type { Volume } from "../volume.js";
import { truncate } from "./truncate.js";

/** open(2) of an inode that was looked up. */
export function openInode(
  volume: Volume,
  { caller, ino, flags }: OpenRequest & { caller: Caller },
): MaybePromise<Opened> {
  const inode = volume.inodes.get(ino);
  const writes = flags.access !== "read" || flags.truncate;
  authorize(caller.identity, { place: inode.place, access: writes ? "write" : "read" });
  requireRegular(inode);
  const handle = volume.handles.open(inode, flags);
  inode.isAtimeSettled = false;
  if (flags.access !== "read") {
    const staged = volume.staging.of(ino);
    if (staged !== undefined) volume.promotion.dequeue(staged);
  }
  if (!flags.truncate) return { handle };
  const fail = (error: unknown): never => {
    release(volume, { handle });
    throw error;
  };
  try {
    const truncated = truncate(volume, { caller, inode, sizeBytes: 0 });
    const opened = whenReady(truncated, () => {
      if (flags.killSetId) dropSetId(volume, inode);
      return { handle };
    });
    return opened instanceof Promise ? opened.catch(fail) : opened;
  } catch (error) {
    return fail(error);
  }
}

/** The last close of an open file description. */
export function release(volume: Volume, { handle }: { handle: number }): void {
  const closed = volume.handles.close(handle);
  if (closed === undefined) return;
  const { inode } = closed;
  const staged = volume.staging.of(inode.ino);
  if (closed.canWrite && inode.writers === 0 && staged !== undefined && !inode.isOrphan) {
    volume.promotion.enqueue(staged);
  }
  volume.letGo(inode);
}

/**
 * Whoever changes a file without the privilege to keep them takes its set-id bits; inode(7). Whoever keeps
 * the mode has to hear of it, the one who asked included: he needn't know that he lacks the privilege.
 */
export function dropSetId(volume: Volume, inode: Inode): void {
  const mode = withoutSetId(inode.mode);
  if (mode === inode.mode) return;
  const { ino } = inode;
  volume.metadata.setattr({ ino, permissions: mode & 0o7777, now: volume.clock.now() });
  inode.mode = mode;
  volume.changes.note({ kind: "attributes", ino }, undefined);
}

/**
 * The same, where the kernel doesn't say whether the caller may keep them: user 0 may, taken for
 * CAP_FSETID; capabilities(7).
 */
export function dropSetIdOf(
  volume: Volume,
  { caller, inode }: { caller: Caller; inode: Inode },
): void {
  if (caller.uid !== 0) dropSetId(volume, inode);
}

function requireRegular({ mode, ino }: Inode): void {
  if (isRegular(mode)) return;
  if (isDirectory(mode)) throw new NexusError("is-a-directory", `inode ${ino} is a directory`);
  throw new NexusError("not-supported", `inode ${ino} is no regular file`);
}
