import { isKind } from "../../model/errors.js";
import { type MaybePromise, whenReady } from "../../model/maybe-promise.js";

/** What most disks count their room in. */
const BLOCK_BYTES = 4096;

/** How much of a write was taken, and where it is. */
export interface Taken {
  readonly at: number;
  readonly bytes: number;
}

/**
 * Writes `data`, or as much of it from the start as the disk has room for: write(2), "the number of bytes
 * written may be less than count". The file system takes all of what it is asked for or nothing, so a half
 * is tried where the whole doesn't fit. A write that had to wait isn't tried again: the buffer is another
 * request's by then. Errors: those of `write`; `no-space` when next to nothing fits.
 */
export function writeWhatFits(
  data: Uint8Array,
  write: (data: Uint8Array) => MaybePromise<number>,
): MaybePromise<Taken> {
  const bytes = data.length;
  try {
    return whenReady(write(data), (at) => ({ at, bytes }));
  } catch (error) {
    if (!isKind(error, "no-space") || bytes < 2 * BLOCK_BYTES) throw error;
    const blocks = Math.floor(bytes / 2 / BLOCK_BYTES);
    return writeWhatFits(data.subarray(0, blocks * BLOCK_BYTES), write);
  }
}
