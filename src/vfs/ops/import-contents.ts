import { NexusError } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import type { ContentHash, Ino } from "../../model/ids.js";
import type { FileImport } from "../file-system.js";
import { isVisibleContent } from "../visible-references.js";
import type { Volume } from "../volume.js";

/**
 * Refuses contents that aren't there. Only what the caller can read already counts: who knows the hash of
 * somebody else's content must neither get at it nor learn that it exists. Errors: `not-found`,
 * `invalid-argument` (another size than the content has).
 */
export async function requireContents(
  volume: Volume,
  request: { caller: Caller; files: readonly FileImport[]; unnamed: readonly Ino[] },
): Promise<void> {
  const { caller, files } = request;
  const unnamed = unnamedContents(volume, request);
  const { identity } = caller;
  const checked = new Map<ContentHash, number>();
  for (const { path, etag: hash, sizeBytes } of files) {
    let known = checked.get(hash);
    if (known === undefined) {
      const isThere = () => unnamed.has(hash) || isVisibleContent(volume, { identity, hash });
      // It may be one that waits to be sealed.
      if (!isThere() && volume.staging.size > 0) await volume.promotion.settleAlike(sizeBytes);
      known = isThere() ? volume.metadata.findContent(hash)?.sizeBytes : undefined;
      if (known === undefined) {
        const message = `the content of ${path} is not in the store: ${hash}`;
        throw new NexusError("not-found", message, { op: "import", path });
      }
      checked.set(hash, known);
    }
    if (known !== sizeBytes) {
      const message = `${path} can't have ${sizeBytes} bytes: its content has ${known}`;
      throw new NexusError("invalid-argument", message, { op: "import", path });
    }
  }
}

function unnamedContents(
  volume: Volume,
  { caller, unnamed }: { caller: Caller; unnamed: readonly Ino[] },
): ReadonlySet<ContentHash> {
  const hashes = unnamed.flatMap((ino) => {
    const inode = volume.readable(caller, ino);
    const isSealed = volume.staging.of(ino) === undefined;
    return (isSealed && volume.record(inode).contentHash) || [];
  });
  return new Set(hashes);
}
