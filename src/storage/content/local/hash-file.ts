import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import type { ContentHash } from "../../../model/ids.js";

export const CHUNK_BYTES = 1024 * 1024;
/** For a file that grows meanwhile. */
const LEAST_CHUNK_BYTES = 64 * 1024;
/** How many chunks are hashed before the thread looks at its messages (some 10 ms). */
export const CHUNKS_A_TURN = 16;

/**
 * The hash of all that a file has; undefined when `isWanted`, which is asked for each MiB, says that nobody needs it
 * any more. Errors: those of open(2) and read(2), as Node throws them.
 */
export async function hashFile(
  path: string,
  { isWanted = () => true }: { readonly isWanted?: () => boolean } = {},
): Promise<ContentHash | undefined> {
  const fd = openSync(path, "r");
  try {
    const { size } = fstatSync(fd);
    const bytes = Math.min(Math.max(size, LEAST_CHUNK_BYTES), CHUNK_BYTES);
    const buffer = Buffer.allocUnsafeSlow(bytes);
    const hash = createHash("sha256");
    for (let chunk = 1; isWanted(); chunk++) {
      const count = readSync(fd, buffer, 0, buffer.length, null);
      if (count === 0) return hash.digest("hex") as ContentHash;
      hash.update(buffer.subarray(0, count));
      if (chunk % CHUNKS_A_TURN === 0) await setImmediate();
    }
    return undefined;
  } finally {
    closeSync(fd);
  }
}
