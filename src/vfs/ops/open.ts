import { authorize } from "../../core/isolation.js";
import { isDirectory, isRegular, withoutSetId } from "../../model/attributes.js";
import { NexusError } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import { type MaybePromise, whenReady } from "../../model/maybe-promise.js";
import type { Opened, OpenFlags, OpenRequest } from "../file-system.js";
import type { Inode } from "../inode.js";
import { canWrite, needsWrite } from "../open-flags.js";
import type { Volume } from "../volume.js";
import { truncate } from "./truncate.js";

/** open(2) of an inode that was looked up. */
export function openInode(
  volume: Volume,
  { caller, ino, flags }: OpenRequest & { caller: Caller },
): MaybePromise<Opened> {
  const inode = volume.inodes.get(ino);
  const access = needsWrite(flags) ? "write" : "read";
  authorize(caller.identity, { place: inode.place, access });
  requireRegular(inode);
  requireIdle(inode, flags);
  const handle = volume.handles.open(inode, flags);
  inode.isAtimeSettled = false;
  if (canWrite(flags)) {
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
    volume.failpoints.reach("handle-released");
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

/**
 * A program that runs isn't changed; execve(2). Kernels see to that themselves, but for O_TRUNC with O_RDONLY: that
 * one asks us to truncate first, and looks then whether it may (do_open in fs/namei.c).
 */
function requireIdle({ executions, ino }: Inode, flags: OpenFlags): void {
  if (executions === 0 || !flags.truncate || canWrite(flags)) return;
  throw new NexusError("text-busy", `inode ${ino} is a program that runs`, { op: "open" });
}

function requireRegular({ mode, ino }: Inode): void {
  if (isRegular(mode)) return;
  if (isDirectory(mode)) throw new NexusError("is-a-directory", `inode ${ino} is a directory`);
  throw new NexusError("not-supported", `inode ${ino} is no regular file`);
}
