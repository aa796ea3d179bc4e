import type { Attributes } from "../../model/attributes.js";
import { BLOCK_BYTES, PERMISSION_BITS } from "../../model/attributes.js";
import { whenReady } from "../../model/maybe-promise.js";
import type { SetAttrRequest } from "../../vfs/file-system.js";
import { FATTR, STATX_BASIC_STATS, STATX_BTIME } from "../protocol/constants.js";
import type { Reply } from "../protocol/reply.js";
import type { Request } from "../protocol/request.js";
import { type Context, cacheSeconds, type Operation } from "./context.js";

export const getattr: Operation = (context) => {
  const { fs, caller, request } = context;
  const found = fs.getattr(caller, { ino: request.nodeid });
  return whenReady(found, (attributes) => replyAttributes(context, attributes));
};

export const setattr: Operation = (context) => {
  const { fs, caller, request, cache } = context;
  const asked = setAttrRequest(request);
  if (asked.sizeBytes !== undefined) cache?.pages.noteKept(asked.ino);
  const changed = fs.setattr(caller, asked);
  return whenReady(changed, (attributes) => replyAttributes(context, attributes));
};

/** struct fuse_statx_in is like getattr's; the answer is struct fuse_statx_out, 288 bytes. */
export const statx: Operation = (context) => {
  const { fs, caller, request, reply } = context;
  return whenReady(fs.getattr(caller, { ino: request.nodeid }), (found) => {
    reply.u64(cacheSeconds(context, found.ino));
    reply.zeros(24); // nanoseconds, flags, spare
    encodeStatx(reply, found);
  });
};

/** struct fuse_kstatfs, 80 bytes. */
export const statfs: Operation = ({ fs, caller, request, reply }) =>
  whenReady(fs.statfs(caller, { ino: request.nodeid }), (stat) => {
    reply.u64(stat.blocks);
    reply.u64(stat.blocksFree);
    reply.u64(stat.blocksAvailable);
    reply.u64(stat.files);
    reply.u64(stat.filesFree);
    reply.u32(stat.blockBytes);
    reply.u32(stat.nameMaxBytes);
    reply.u32(stat.blockBytes);
    reply.zeros(28);
  });

/** struct fuse_attr_out, 104 bytes. */
function replyAttributes(context: Context, attributes: Attributes): void {
  const { reply } = context;
  reply.u64(cacheSeconds(context, attributes.ino));
  reply.u64(0);
  reply.attributes(attributes);
}

/** struct fuse_setattr_in, 88 bytes; `valid` says which fields count. */
function setAttrRequest(request: Request): SetAttrRequest {
  request.need(88);
  const valid = request.u32(0);
  const has = (bit: number) => (valid & bit) !== 0;
  return {
    ino: request.nodeid,
    ...(has(FATTR.FH) ? { handle: request.u64(8) } : {}),
    ...(has(FATTR.SIZE) ? { sizeBytes: request.u64(16) } : {}),
    ...(has(FATTR.ATIME_NOW)
      ? { atime: "now" as const }
      : has(FATTR.ATIME)
        ? { atime: request.timestamp(32, 56) }
        : {}),
    ...(has(FATTR.MTIME_NOW)
      ? { mtime: "now" as const }
      : has(FATTR.MTIME)
        ? { mtime: request.timestamp(40, 60) }
        : {}),
    ...(has(FATTR.MODE) ? { permissions: request.u32(68) & PERMISSION_BITS } : {}),
    ...(has(FATTR.UID) ? { uid: request.u32(76) } : {}),
    ...(has(FATTR.GID) ? { gid: request.u32(80) } : {}),
    ...(has(FATTR.KILL_SUIDGID) ? { killSetId: true } : {}),
  };
}

/** struct fuse_statx, 256 bytes. */
function encodeStatx(reply: Reply, attributes: Attributes): void {
  const { rdev } = attributes;
  reply.u32(STATX_BASIC_STATS | STATX_BTIME);
  reply.u32(BLOCK_BYTES);
  reply.u64(0); // attributes
  reply.u32(attributes.nlink);
  reply.u32(attributes.uid);
  reply.u32(attributes.gid);
  reply.u16pair(attributes.mode, 0);
  reply.u64(attributes.ino);
  reply.u64(attributes.sizeBytes);
  reply.u64(attributes.blocks);
  reply.u64(0); // attributes_mask
  reply.statxTime(attributes.atime);
  reply.statxTime(attributes.btime);
  reply.statxTime(attributes.ctime);
  reply.statxTime(attributes.mtime);
  // A device number as the kernel packs it into 32 bits: new_encode_dev().
  reply.u32((rdev & 0xfff00) >>> 8);
  reply.u32((rdev & 0xff) | ((rdev >>> 12) & 0xfff00));
  reply.u64(0); // the device of the file system: the kernel's
  reply.zeros(112);
}
