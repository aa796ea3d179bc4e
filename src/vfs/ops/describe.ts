import { isRegular } from "../../model/attributes.js";
import { NexusError } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import { type MaybePromise, whenReady } from "../../model/maybe-promise.js";
import { settleOwn } from "../computed-attributes.js";
import type { DescribeRequest, FileDescription } from "../file-system.js";
import type { Inode } from "../inode.js";
import type { Volume } from "../volume.js";

/** What the computed attributes tell, of one inode and all at once. */
export function describe(
  volume: Volume,
  { caller, ino, etag }: DescribeRequest & { caller: Caller },
): MaybePromise<FileDescription> {
  const inode = volume.readable(caller, ino);
  const settled = etag && isRegular(inode.mode) ? settleOwn(volume, inode) : undefined;
  return whenReady(settled, () => description(volume, inode));
}

function description(volume: Volume, { ino }: Inode): FileDescription {
  const file = volume.metadata.describe(ino);
  if (file === undefined) throw new NexusError("not-found", `inode ${ino} is gone`);
  const { pathId, version, mimeType, tenantId, agentId } = file;
  // The row of a content that is staged names the one before.
  const etag = volume.staging.of(ino) === undefined ? file.contentHash : undefined;
  return { pathId, version, etag, mimeType, tenantId, agentId };
}
