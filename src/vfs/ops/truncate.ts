import { NexusError } from "../../model/errors.js";
import type { StagingId } from "../../model/ids.js";
import { type MaybePromise, whenReady } from "../../model/maybe-promise.js";
import type { StagedContent } from "../content/staged-content.js";
import type { Inode } from "../inode.js";
import type { Volume } from "../volume.js";

/** Sizes and offsets stay exact in a double, and below ext4's limit of 16 TiB. */
export const FILE_MAX_BYTES = 16 * 1024 ** 4 - 4096;

/** The attribute that holds a program's capabilities; capabilities(7). */
export const CAPABILITIES = "security.capability";

/** Errors: `file-too-large`. */
export function requireSize(endBytes: number): void {
  if (endBytes > FILE_MAX_BYTES) {
    throw new NexusError("file-too-large", `a file has at most ${FILE_MAX_BYTES} bytes`);
  }
}

/**
 * Gives a file this size. Its times move also if that is the size it has: truncate(2), and open(2)
 * with O_TRUNC, as ext4 has it.
 */
export function truncate(
  volume: Volume,
  { inode, sizeBytes }: { inode: Inode; sizeBytes: number },
): MaybePromise<void> {
  requireSize(sizeBytes);
  dropCapabilities(volume, inode);
  if (sizeBytes === volume.sizeBytes(inode)) return touch(volume, inode);
  const staged = volume.staging.of(inode.ino);
  if (sizeBytes === 0 && !staged?.isWritable && inode.copyUp === undefined)
    return startOver(volume, inode);
  return whenReady(volume.staging.writable(inode, sizeBytes), (content) => {
    if (content.hasFile || sizeBytes > 0) volume.staging.file(content).truncate(sizeBytes);
    content.sizeBytes = sizeBytes;
    noteContentChange(volume, { inode, staged: content });
    settleUnopened(volume, { inode, staged: content });
    // Nobody's release will close it.
    if (inode.handles === 0) content.close();
  });
}

/**
 * The content changed: what the row will have to say. A change that waited for its content counts
 * from here on: a sync that was asked for before didn't mean it.
 */
export function noteContentChange(
  volume: Volume,
  { inode, staged }: { inode: Inode; staged: StagedContent },
): void {
  staged.changes += 1;
  const now = volume.clock.now();
  volume.activity.note(inode, { sizeBytes: staged.sizeBytes, mtime: now, ctime: now });
  inode.isAtimeSettled = false;
}

/**
 * Changing a file takes its capabilities, security.capability, whoever does it; the kernel leaves
 * that to us (FUSE_HANDLE_KILLPRIV_V2).
 */
export function dropCapabilities(volume: Volume, inode: Inode): void {
  if (!inode.mayHaveCapabilities) return;
  const now = volume.clock.now();
  const { ino } = inode;
  volume.metadata.removeAttribute({ ino, family: "system", key: CAPABILITIES, now });
  inode.mayHaveCapabilities = false;
}

/** Drops the content without copying it: the new one begins empty, in one transaction with the row. */
function startOver(volume: Volume, inode: Inode): void {
  const { ino } = inode;
  const now = volume.clock.now();
  const stagingId = volume.metadata.nextId() as StagingId;
  volume.metadata.setattr({ ino, sizeBytes: 0, mtime: now, stagingId, now });
  volume.activity.drop(inode);
  inode.reader?.close();
  inode.reader = undefined;
  const staged = volume.staging.startEmpty(ino, stagingId);
  settleUnopened(volume, { inode, staged });
}

/** A content that nobody has open for writing has no release to wait for. */
function settleUnopened(
  volume: Volume,
  { inode, staged }: { inode: Inode; staged: StagedContent },
): void {
  if (inode.writers > 0 || inode.isOrphan) return;
  volume.promotion.enqueue(staged);
}

function touch(volume: Volume, inode: Inode): void {
  const now = volume.clock.now();
  volume.activity.note(inode, { mtime: now, ctime: now });
  inode.isAtimeSettled = false;
}
