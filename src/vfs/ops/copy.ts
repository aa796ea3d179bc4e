import type { Caller } from "../../model/identity.js";
import { type MaybePromise, whenReady } from "../../model/maybe-promise.js";
import type { CopyFileRangeRequest } from "../file-system.js";
import type { Inode } from "../inode.js";
import type { Volume } from "../volume.js";
import { contentOf, noteAccess, readHandle, writeHandle } from "./data.js";
import { dropSetId } from "./open.js";
import { dropCapabilities, noteContentChange, requireSize } from "./truncate.js";

/** A call copies no more than this (some milliseconds); callers go on with the rest. */
const MOST_BYTES = 8 * 1024 * 1024;

/**
 * copy_file_range(2). What cp(1) does with a whole file, copying all of it onto an empty one, is
 * done by reference. A source that nobody writes to is sealed first, which costs no more than
 * reading it once; copying it would cost that twice more.
 */
export function copyFileRange(
  volume: Volume,
  { caller, ...request }: CopyFileRangeRequest & { caller: Caller },
): MaybePromise<number> {
  const from = readHandle(volume, { caller, handle: request.handle }).inode;
  const to = writeHandle(volume, { caller, handle: request.toHandle }).inode;
  requireSize(request.toOffset + request.length);
  noteAccess(volume, from);
  const isWhole =
    from !== to &&
    request.offset === 0 &&
    request.toOffset === 0 &&
    request.length >= volume.sizeBytes(from) &&
    volume.sizeBytes(from) > 0 &&
    volume.sizeBytes(to) === 0;
  if (!isWhole || from.copyUp !== undefined || to.copyUp !== undefined) {
    return copyBytes(volume, { from, to, ...request });
  }
  const staged = volume.staging.of(from.ino);
  if (staged === undefined) return reference(volume, { from, to });
  if (from.writers > 0) return copyBytes(volume, { from, to, ...request });
  return volume.promotion.settle(staged).then(() => {
    const isSealed = volume.staging.of(from.ino) === undefined;
    const isStillEmpty = to.copyUp === undefined && volume.sizeBytes(to) === 0;
    return isSealed && isStillEmpty
      ? reference(volume, { from, to })
      : copyBytes(volume, { from, to, ...request });
  });
}

function reference(volume: Volume, { from, to }: { from: Inode; to: Inode }): number {
  dropSetId(volume, to);
  dropCapabilities(volume, to);
  const now = volume.clock.now();
  const { sizeBytes } = volume.record(from);
  const unreferenced = volume.metadata.referenceContent({ from: from.ino, to: to.ino, now });
  volume.activity.drop(to);
  to.reader?.close();
  to.reader = undefined;
  const staged = volume.staging.of(to.ino);
  if (staged !== undefined) {
    volume.staging.remove(staged);
    volume.promotion.supersede(staged);
  }
  if (unreferenced !== undefined) volume.reclaimer.release([unreferenced]);
  return sizeBytes;
}

function copyBytes(
  volume: Volume,
  {
    from,
    to,
    offset,
    toOffset,
    length,
  }: Omit<CopyFileRangeRequest, "handle" | "toHandle"> & { from: Inode; to: Inode },
): MaybePromise<number> {
  return whenReady(volume.staging.writable(to), (staged) => {
    const source = contentOf(volume, from);
    const available = Math.max(0, (source?.sizeBytes ?? 0) - offset);
    const wanted = Math.min(length, available, MOST_BYTES);
    if (source === undefined || wanted === 0) return 0;
    dropSetId(volume, to);
    dropCapabilities(volume, to);
    const file = volume.staging.file(staged);
    try {
      return file.copyFrom({ source, offset, toOffset, length: wanted });
    } finally {
      staged.sizeBytes = file.sizeBytes;
      noteContentChange(volume, { inode: to, staged });
    }
  });
}
