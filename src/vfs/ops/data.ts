import { authorize } from "../../core/isolation.js";
import { requireRoom } from "../../core/room.js";
import { NexusError } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import { type MaybePromise, whenReady } from "../../model/maybe-promise.js";
import type { ContentReader } from "../../storage/content/content-store.js";
import type { InodeRecord } from "../../storage/metadata/metadata-store.js";
import type { StagedContent } from "../content/staged-content.js";
import type {
  FallocateRequest,
  InodeRequest,
  ReadRequest,
  SeekRequest,
  WriteRequest,
} from "../file-system.js";
import type { Handle } from "../handle-table.js";
import type { Inode } from "../inode.js";
import type { Volume } from "../volume.js";
import { noteAccess } from "./access-time.js";
import { changeContent, dropCapabilities, requireEnd, requireSize } from "./content-change.js";
import { dropSetId, dropSetIdOf } from "./open.js";

export function read(
  volume: Volume,
  { caller, handle, offset, into }: ReadRequest & { caller: Caller },
): number {
  const opened = readHandle(volume, { caller, handle });
  const { inode } = opened;
  // The first read of a file looks at its row for both, once.
  const row = opened.noAtime ? undefined : noteAccess(volume, { caller, inode });
  const content = contentOf(volume, { inode, row });
  return content === undefined ? 0 : content.read({ into, offset });
}

export function readlink(
  volume: Volume,
  { caller, ino }: InodeRequest & { caller: Caller },
): Uint8Array {
  const inode = volume.readable(caller, ino);
  const target = volume.metadata.readlink(ino);
  noteAccess(volume, { caller, inode });
  return target;
}

export function write(
  volume: Volume,
  request: WriteRequest & { caller: Caller },
): MaybePromise<number> {
  const { caller, handle, offset, data, killSetId } = request;
  const { inode } = writeHandle(volume, { caller, handle });
  // write(2): no bytes change nothing, not even past the end.
  if (data.length === 0) return offsetIn(volume.sizeBytes(inode), offset);
  requireRoom(volume.metadata);
  const content = volume.staging.writable(inode);
  const put = (staged: StagedContent, from: Uint8Array) => {
    const at = offsetIn(staged.sizeBytes, offset);
    requireEnd(volume, { inode, staged, endBytes: at + from.length });
    if (killSetId) dropSetId(volume, inode);
    dropCapabilities(volume, inode);
    const span = { caller, offset: at, length: from.length, lastByte: from.at(-1) };
    changeContent(volume, { inode, staged, span }, (file) => file.write({ from, offset: at }));
    return at;
  };
  if (!(content instanceof Promise)) return put(content, data);
  // The buffer is the caller's again as soon as this returns.
  const copy = Uint8Array.from(data);
  return content.then((staged) => put(staged, copy));
}

/** Where to write in a file of this size. */
function offsetIn(sizeBytes: number, asked: WriteRequest["offset"]): number {
  const offset = typeof asked === "function" ? asked() : asked;
  return offset === "end" ? sizeBytes : offset;
}

export function fallocate(
  volume: Volume,
  { caller, handle, offset, length, mode }: FallocateRequest & { caller: Caller },
): MaybePromise<void> {
  const { inode } = writeHandle(volume, { caller, handle });
  requireSize(offset + length);
  // A hole, too, can take more room than it frees: a small content becomes a file for it.
  requireRoom(volume.metadata);
  return whenReady(volume.staging.writable(inode), (staged) => {
    if (mode !== "punch-hole" && volume.quotas !== undefined) {
      const isUncounted = mode !== "extend" && mode !== "zero";
      const span = { from: staged.sizeBytes, to: offset + length };
      volume.quotas.requireSize(inode, { ...span, isUncounted });
    }
    dropSetIdOf(volume, { caller, inode });
    dropCapabilities(volume, inode);
    const grows = offset + length > staged.sizeBytes;
    const span = { caller, offset, length, lastByte: grows ? 0 : undefined };
    changeContent(volume, { inode, staged, span }, (file) =>
      file.allocate({ mode, offset, length }),
    );
  });
}

export function lseek(
  volume: Volume,
  { caller, handle, offset, to }: SeekRequest & { caller: Caller },
): number {
  const opened = volume.handles.get(handle);
  authorize(caller.identity, { place: opened.inode.place, access: "read" });
  const content = contentOf(volume, opened);
  const found = content?.seek({ offset, to });
  if (found === undefined) {
    throw new NexusError("no-such-offset", `no ${to} at or after offset ${offset}`, {
      op: "lseek",
    });
  }
  return found;
}

/**
 * What the inode's bytes are read from now, until the next call of this; undefined for an empty file. Its row is
 * looked at if it is needed and wasn't given.
 */
export function contentOf(
  volume: Volume,
  { inode, row }: { inode: Inode; row?: InodeRecord | undefined },
): ContentReader | undefined {
  const staged = volume.staging.of(inode.ino);
  if (staged !== undefined) {
    return staged.hasFile || staged.sizeBytes > 0 ? volume.staging.file(staged) : undefined;
  }
  return volume.readers.of(inode, () => volume.staging.openSealed(row ?? volume.record(inode)));
}

/** Errors: `bad-handle` unless it may read. */
export function readHandle(
  volume: Volume,
  { caller, handle }: { caller: Caller; handle: number },
): Handle {
  const opened = volume.handles.get(handle);
  if (!opened.canRead) throw new NexusError("bad-handle", "the file isn't open for reading");
  authorize(caller.identity, { place: opened.inode.place, access: "read" });
  return opened;
}

/** Errors: `bad-handle` unless it may write. */
export function writeHandle(
  volume: Volume,
  { caller, handle }: { caller: Caller; handle: number },
): Handle {
  const opened = volume.handles.get(handle);
  if (!opened.canWrite) throw new NexusError("bad-handle", "the file isn't open for writing");
  authorize(caller.identity, { place: opened.inode.place, access: "write" });
  return opened;
}
