import type { Attributes } from "../../model/attributes.js";
import { isVirtual } from "../../model/ids.js";
import { whenReady } from "../../model/maybe-promise.js";
import type { ListedEntry } from "../../vfs/file-system.js";
import { FOPEN, O } from "../protocol/constants.js";
import type { Reply } from "../protocol/reply.js";
import { type Context, cacheSeconds, encodeEntry, grantLookup, type Operation } from "./context.js";

/** struct fuse_dirent without the name, and struct fuse_entry_out before it in the long form. */
const DIRENT_BYTES = 24;
const ENTRY_OUT_BYTES = 128;
/** An entry of a common name length, to guess how many there is room for. */
const TYPICAL_NAME_BYTES = 16;

/** In place of a handle, where listings have no state of their own. */
export const NO_HANDLE = 0;

/** The kernel keeps what it read of a directory, unless that is made up for each listing or caller. */
export const opendir: Operation = (context) => {
  const { fs, caller, request, reply, granted } = context;
  const ino = request.nodeid;
  return whenReady(fs.opendir(caller, { ino }), (opened) => {
    granted.handle = opened?.handle;
    reply.u64(opened?.handle ?? NO_HANDLE);
    reply.u64(cacheSeconds(context, ino) === 0 ? 0 : FOPEN.KEEP_CACHE | FOPEN.CACHE_DIR);
  });
};

/** struct fuse_release_in: fh first. */
export const releasedir: Operation = ({ fs, request }) => {
  const handle = request.u64(0);
  if (handle !== NO_HANDLE) fs.release({ handle });
};

export const fsyncdir: Operation = ({ fs, caller, request }) =>
  fs.fsync(caller, { ino: request.nodeid });

export const readdir: Operation = ({ fs, caller, request, reply }) => {
  const { size, ...position } = readRequest({ request });
  return fs.readdir(caller, {
    ino: request.nodeid,
    ...position,
    limit: Math.ceil(size / (DIRENT_BYTES + TYPICAL_NAME_BYTES)),
    emit: (entry) => {
      const name = Buffer.from(entry.name, "utf8");
      if (!fits({ reply, size }, DIRENT_BYTES + name.length)) return false;
      encodeDirent(reply, { entry, name });
      return true;
    },
  });
};

/**
 * Each entry with attributes counts one look-up, so only those that are handed over are counted. Where
 * the kernel may keep no entries it gets none of them, only the names.
 */
export const readdirplus: Operation = (context) => {
  const { fs, caller, request, reply } = context;
  const { size, ...position } = readRequest(context);
  const parent = request.nodeid;
  const emit = (entry: ListedEntry & { attributes?: Attributes | undefined }) => {
    const name = Buffer.from(entry.name, "utf8");
    if (!fits({ reply, size }, ENTRY_OUT_BYTES + DIRENT_BYTES + name.length)) return false;
    const { ino, attributes } = entry;
    if (attributes === undefined) {
      reply.zeros(ENTRY_OUT_BYTES);
    } else {
      encodeEntry(context, { parent, entry: { ino, attributes } });
      grantLookup(context, ino);
    }
    encodeDirent(reply, { entry, name });
    return true;
  };
  const limit = Math.ceil(size / (ENTRY_OUT_BYTES + DIRENT_BYTES + TYPICAL_NAME_BYTES));
  const listing = { ino: parent, ...position, limit, emit };
  return isVirtual(parent) || cacheSeconds(context, parent) > 0
    ? fs.readdirPlus(caller, listing)
    : fs.readdir(caller, listing);
};

/** struct fuse_read_in, as for files: with the flags that the directory was opened with. */
function readRequest({ request }: Pick<Context, "request">): {
  handle: number;
  cookie: number;
  size: number;
  noAtime: boolean;
} {
  request.need(40);
  const noAtime = (request.u32(32) & O.NOATIME) !== 0;
  return { handle: request.u64(0), cookie: request.u64(8), size: request.u32(16), noAtime };
}

function fits({ reply, size }: { reply: Reply; size: number }, entryBytes: number): boolean {
  const padded = (entryBytes + 7) & ~7;
  return reply.bodyLength + padded <= size && reply.length + padded <= reply.buffer.length;
}

function encodeDirent(reply: Reply, { entry, name }: { entry: ListedEntry; name: Buffer }): void {
  reply.u64(entry.ino);
  reply.u64(entry.cookie);
  reply.u32(name.length);
  reply.u32((entry.mode >>> 12) & 0o17);
  reply.bytes(name);
  reply.pad();
}
