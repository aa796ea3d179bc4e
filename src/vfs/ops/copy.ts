import { requireRoom } from "../../core/room.js";
import type { Caller } from "../../model/identity.js";
import { type MaybePromise, whenReady } from "../../model/maybe-promise.js";
import { isLarge } from "../content/promotion-queue.js";
import type { CopyFileRangeRequest } from "../file-system.js";
import type { Inode } from "../inode.js";
import type { Volume } from "../volume.js";
import { noteAccess } from "./access-time.js";
import {
  changeContent,
  dropCapabilities,
  noteNewContent,
  requireEnd,
  requireSize,
} from "./content-change.js";
import { contentOf, readHandle, writeHandle } from "./data.js";
import { dropSetIdOf } from "./open.js";

/** A call copies no more than this (some milliseconds); callers go on with the rest. */
const MOST_BYTES = 8 * 1024 * 1024;

/**
 * A copy waits for its source to be sealed when no more than this is to be hashed until then, the
 * source included: half a second at 1.4 GiB/s, with room for a batch under way before the source.
 * Beyond that the bytes are copied, since whoever waits here can't even be killed.
 */
const MOST_HASHED_BYTES = 512 * 1024 * 1024;

/**
 * copy_file_range(2). What cp(1) does with a whole file, copying all of it onto an empty one, is
 * done by reference. A source that nobody writes to is sealed first, which costs no more than
 * reading it once; copying it would cost that twice more. A large one isn't, nor one that would have
 * to wait for much else: see {@link MOST_HASHED_BYTES}.
 */
export function copyFileRange(
  volume: Volume,
  { caller, ...request }: CopyFileRangeRequest & { caller: Caller },
): MaybePromise<number> {
  const source = readHandle(volume, { caller, handle: request.handle });
  const from = source.inode;
  const to = writeHandle(volume, { caller, handle: request.toHandle }).inode;
  requireSize(request.toOffset + request.length);
  requireRoom(volume.metadata);
  if (!source.noAtime) noteAccess(volume, { caller, inode: from });
  const both = { caller, from, to };
  if (!isWhole(volume, { from, to, ...request })) {
    return copyBytes(volume, { ...both, ...request });
  }
  const staged = volume.staging.of(from.ino);
  if (staged === undefined) return reference(volume, both);
  const isFar = isLarge(staged) || volume.promotion.bytesUntilSettled(staged) > MOST_HASHED_BYTES;
  if (from.writers > 0 || isFar) return copyBytes(volume, { ...both, ...request });
  return volume.promotion.settle(staged).then(() => {
    const isSealed = volume.staging.of(from.ino) === undefined;
    // Both may have changed meanwhile.
    return isSealed && isWhole(volume, { from, to, ...request })
      ? reference(volume, both)
      : copyBytes(volume, { ...both, ...request });
  });
}

/** Whether all of a file is to be copied onto an empty one, and both are at rest. */
function isWhole(
  volume: Volume,
  { from, to, offset, toOffset, length }: CopyFileRangeRequest & Pick<Both, "from" | "to">,
): boolean {
  if (from === to || offset !== 0 || toOffset !== 0) return false;
  if (from.copyUp !== undefined || to.copyUp !== undefined) return false;
  const sizeBytes = volume.sizeBytes(from);
  return sizeBytes > 0 && length >= sizeBytes && volume.sizeBytes(to) === 0;
}

interface Both {
  readonly caller: Caller;
  readonly from: Inode;
  readonly to: Inode;
}

function reference(volume: Volume, { caller, from, to }: Both): number {
  const record = volume.record(from);
  const { sizeBytes } = record;
  // A copy of what can't be read would be taken for one.
  volume.staging.openSealed(record)?.close();
  volume.quotas?.requireSize(to, { from: 0, to: sizeBytes });
  dropSetIdOf(volume, { caller, inode: to });
  dropCapabilities(volume, to);
  const now = volume.clock.now();
  const unreferenced = volume.metadata.referenceContent({ from: from.ino, to: to.ino, now });
  volume.activity.drop(to);
  to.isAtimeSettled = false;
  volume.readers.close(to);
  const staged = volume.staging.of(to.ino);
  if (staged !== undefined) {
    volume.staging.remove(staged);
    volume.promotion.supersede(staged);
  }
  if (unreferenced !== undefined) volume.reclaimer.release([unreferenced]);
  noteNewContent(volume, { caller, inode: to, sizeBytes });
  return sizeBytes;
}

function copyBytes(
  volume: Volume,
  {
    caller,
    from,
    to,
    offset,
    toOffset,
    length,
  }: Omit<CopyFileRangeRequest, "handle" | "toHandle"> & Both,
): MaybePromise<number> {
  // Past the end nothing is copied, and so nothing is made ready to be written to.
  if (length === 0 || volume.sizeBytes(from) <= offset) return 0;
  return whenReady(volume.staging.writable(to), (staged) => {
    const source = contentOf(volume, { inode: from });
    const available = Math.max(0, (source?.sizeBytes ?? 0) - offset);
    const wanted = Math.min(length, available, MOST_BYTES);
    if (source === undefined || wanted === 0) return 0;
    requireEnd(volume, { inode: to, staged, endBytes: toOffset + wanted });
    dropSetIdOf(volume, { caller, inode: to });
    dropCapabilities(volume, to);
    const span = { caller, offset: toOffset, length: wanted };
    return changeContent(volume, { inode: to, staged, span }, (file) =>
      file.copyFrom({ source, offset, toOffset, length: wanted }),
    );
  });
}
