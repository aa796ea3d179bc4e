import type { Caller } from "../../model/identity.js";
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
  if (staged !== undefined) await volume.staging.sync(staged);
  volume.activity.record(inode);
  await volume.metadata.sync();
}
