import { requireRoom } from "../../core/room.js";
import type { Caller } from "../../model/identity.js";
import type { StagingId } from "../../model/ids.js";
import { type MaybePromise, whenReady } from "../../model/maybe-promise.js";
import type { StagedContent } from "../content/staged-content.js";
import type { Inode } from "../inode.js";
import type { Volume } from "../volume.js";
import { changeContent, dropCapabilities, noteNewContent, requireSize } from "./content-change.js";

/**
 * Gives a file this size. Its times move also if that is the size it has: truncate(2), and open(2)
 * with O_TRUNC, as ext4 has it.
 */
export function truncate(
  volume: Volume,
  { caller, inode, sizeBytes }: { caller: Caller; inode: Inode; sizeBytes: number },
): MaybePromise<void> {
  requireSize(sizeBytes);
  const oldSizeBytes = volume.sizeBytes(inode);
  const isSame = sizeBytes === oldSizeBytes;
  const staged = volume.staging.of(inode.ino);
  // What stays of a sealed content, or one that is kept, has to be copied; a small one may become a file when it grows.
  const takesRoom =
    sizeBytes > oldSizeBytes || (sizeBytes > 0 && !volume.staging.isChangeable(staged));
  if (takesRoom && !isSame) requireRoom(volume.metadata);
  volume.quotas?.requireSize(inode, { from: oldSizeBytes, to: sizeBytes });
  dropCapabilities(volume, inode);
  if (isSame) return touch(volume, { caller, inode });
  // One that is just being sealed may have been synced, and its row will name it no more.
  const isReplaceable = staged === undefined || staged.phase === "missing";
  if (sizeBytes === 0 && isReplaceable && inode.copyUp === undefined) {
    return startOver(volume, { caller, inode });
  }
  // What grows ends in zeros.
  const offset = Math.min(sizeBytes, oldSizeBytes);
  const span =
    sizeBytes > oldSizeBytes
      ? { caller, offset, length: sizeBytes - offset, lastByte: 0 }
      : { caller, offset, length: "to the end" as const };
  return whenReady(volume.staging.writable(inode, sizeBytes), (content) => {
    try {
      // Where the content had to be copied first, others took room meanwhile.
      volume.quotas?.requireSize(inode, { from: oldSizeBytes, to: sizeBytes });
      changeContent(volume, { inode, staged: content, span }, (file) => file.truncate(sizeBytes));
    } finally {
      settleUnopened(volume, { inode, staged: content });
      // Nobody's release will close it.
      if (inode.handles === 0) content.close();
    }
  });
}

/** Drops the content without copying it: the new one begins empty, in one transaction with the row. */
function startOver(volume: Volume, { caller, inode }: { caller: Caller; inode: Inode }): void {
  const { ino } = inode;
  const now = volume.clock.now();
  const stagingId = volume.metadata.nextId() as StagingId;
  volume.metadata.setattr({ ino, sizeBytes: 0, mtime: now, stagingId, now });
  volume.activity.drop(inode);
  volume.readers.close(inode);
  const staged = volume.staging.startEmpty(ino, stagingId);
  settleUnopened(volume, { inode, staged });
  noteNewContent(volume, { caller, inode, sizeBytes: 0 });
}

/** A content that nobody has open for writing has no release to wait for. */
function settleUnopened(
  volume: Volume,
  { inode, staged }: { inode: Inode; staged: StagedContent },
): void {
  if (inode.writers > 0 || inode.isOrphan) return;
  volume.promotion.enqueue(staged);
}

function touch(volume: Volume, { caller, inode }: { caller: Caller; inode: Inode }): void {
  const now = volume.clock.now();
  volume.activity.note(inode, { mtime: now, ctime: now });
  inode.isAtimeSettled = false;
  volume.changes.note({ kind: "attributes", ino: inode.ino }, caller);
}
