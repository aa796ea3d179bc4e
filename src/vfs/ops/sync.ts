import type { Caller } from "../../model/identity.js";
import type { StagedContent } from "../content/staged-content.js";
import type { InodeRequest } from "../file-system.js";
import type { Volume } from "../volume.js";

/**
 * fsync(2) and fsyncdir. The order: the bytes, with the entry of their file in the staging
 * directory; then the row that names them. A sealed content is durable since before its row was.
 */
export async function fsync(
  volume: Volume,
  { caller, ino }: InodeRequest & { caller: Caller },
): Promise<void> {
  const inode = volume.readable(caller, ino);
  await inode.copyUp;
  const staged = volume.staging.of(ino);
  if (staged !== undefined) await syncContent(volume, staged);
  volume.activity.record(inode);
  await volume.metadata.sync();
}

/** Resolves when the bytes of a staged content survive a power failure. */
export async function syncContent(volume: Volume, staged: StagedContent): Promise<void> {
  if (staged.isSynced) return;
  const { changes } = staged;
  const wasOpen = staged.file !== undefined;
  const file = volume.staging.file(staged);
  try {
    await file.sync();
    staged.syncedChanges = changes;
  } finally {
    if (!wasOpen && volume.inodes.peek(staged.ino)?.handles === 0) staged.close();
  }
}
