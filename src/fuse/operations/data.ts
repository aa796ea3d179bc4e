import { NexusError } from "../../model/errors.js";
import type { Identity } from "../../model/identity.js";
import { type Ino, isVirtual } from "../../model/ids.js";
import { type MaybePromise, whenReady } from "../../model/maybe-promise.js";
import { appendsOnly, fallocateMode, isExclusive, openFlags } from "../call-flags.js";
import { FOPEN, O, OPEN_KILL_SUIDGID, WHENCE, WRITE_FLAG } from "../protocol/constants.js";
import { MalformedRequest, type Request } from "../protocol/request.js";
import { type Context, type Operation, replyEntry } from "./context.js";
import { nameRequest } from "./entries.js";
import { writeWhatFits } from "./write-what-fits.js";

/** struct fuse_open_in: flags, open_flags. */
export const open: Operation = (context) => {
  const { fs, caller, request } = context;
  const ino = request.nodeid;
  const flags = openFlags(request.u32(0), killsSetId(request.u32(4)));
  const appends = appendsOnly(request.u32(0));
  return whenReady(fs.open(caller, { ino, flags }), ({ handle }) =>
    replyOpened(context, { ino, handle, appends }),
  );
};

/** struct fuse_create_in: flags, mode, umask, open_flags; then the name. */
export const create: Operation = (context) => {
  const { fs, caller, request } = context;
  const { parent, name } = nameRequest(request, 16);
  const appends = appendsOnly(request.u32(0));
  const created = fs.create(caller, {
    parent,
    name,
    mode: request.u32(4),
    flags: openFlags(request.u32(0), killsSetId(request.u32(12))),
    exclusive: isExclusive(request.u32(0)),
  });
  return whenReady(created, ({ entry, opened }) => {
    replyEntry(context, { parent, entry });
    replyOpened(context, { ino: entry.ino, handle: opened.handle, appends });
  });
};

/** The same struct; the request's node is the directory and the name means nothing. */
export const tmpfile: Operation = (context) => {
  const { fs, caller, request } = context;
  const parent = request.nodeid;
  const appends = appendsOnly(request.u32(0));
  const made = fs.tmpfile(caller, {
    ino: parent,
    mode: request.u32(4),
    flags: openFlags(request.u32(0), killsSetId(request.u32(12))),
    exclusive: isExclusive(request.u32(0)),
  });
  return whenReady(made, ({ entry, opened }) => {
    replyEntry(context, { parent, entry });
    replyOpened(context, { ino: entry.ino, handle: opened.handle, appends });
  });
};

/** struct fuse_read_in: fh, offset, size, read_flags, lock_owner, flags, padding. */
export const read: Operation = ({ fs, caller, request, reply, cache }) => {
  request.need(40);
  cache?.pages.noteKept(request.nodeid);
  const size = request.u32(16);
  const into = reply.room(size);
  if (into.length < size) throw new MalformedRequest(`a read of ${size} bytes`);
  const count = fs.read(caller, { handle: request.u64(0), offset: request.u64(8), into });
  return whenReady(count, (bytes) => reply.advance(bytes));
};

/**
 * struct fuse_write_in: fh, offset, size, write_flags, lock_owner, flags, padding; then the data.
 *
 * The offset counts, also in a file opened with O_APPEND. The kernel has put the end of the file
 * there, with the inode locked until we answer; it knows where that is, unless somebody else changes the
 * size. And only the kernel knows whether this write appends at all: RWF_NOAPPEND changes that
 * behind our back, and pages of a mapping never do. Where somebody else did change the size, O_APPEND
 * counts: what two mounts append at the same moment is all there. The kernel then has put the bytes at
 * a wrong place among its pages, and has to forget those. (If it wrote past them, it is told as others are.)
 *
 * The pages of a mapping come when the kernel sees fit and on nobody's behalf (user 0, process 0), and their
 * writer has been told that they are written: who opened the file for writing was asked then.
 */
export const write: Operation = ({ fs, caller, request, reply, cache }) => {
  const ino = request.nodeid;
  const offset = request.u64(8);
  const size = request.u32(16);
  const writeFlags = request.u32(20);
  const isWriteBack = (writeFlags & WRITE_FLAG.CACHE) !== 0;
  const flags = request.u32(32);
  const appends = (flags & O.APPEND) !== 0 && !isWriteBack;
  const hasPassed = caller.origin?.pages === "passed";
  const put = (data: Uint8Array) =>
    fs.write(isWriteBack ? { ...caller, identity: KERNEL } : caller, {
      handle: request.u64(0),
      // Asked when the bytes are put, which others' may come before.
      offset: appends && cache ? () => (cache.pages.mayMistakeSize(ino) ? "end" : offset) : offset,
      data,
      killSetId: (writeFlags & WRITE_FLAG.KILL_SUIDGID) !== 0,
    });
  const data = request.bytes(40, size);
  const written = isWriteBack ? putAll(data, put) : writeWhatFits(data, put);
  return whenReady(written, ({ at, bytes }) => {
    if (at !== offset && !hasPassed) cache?.forgetFrom({ ino, offset: Math.min(at, offset) });
    reply.u64(bytes); // and padding
    // Of what goes through its pages, the kernel asks for that itself.
    if (hasPassed && (flags & O.DSYNC) !== 0) return fs.fsync(caller, { ino });
  });
};

/** Of a mapping's pages the kernel doesn't look how many were taken (fuse_writepage_end): all, or an error. */
function putAll(data: Uint8Array, put: (data: Uint8Array) => MaybePromise<number>) {
  return whenReady(put(data), (at) => ({ at, bytes: data.length }));
}

/** It is bound by no tenant and no agent, but by what can't be written at all. */
const KERNEL: Identity = { isAdmin: true };

/** struct fuse_release_in: fh first. The last close of a file. */
export const release: Operation = ({ fs, request }) => fs.release({ handle: request.u64(0) });

/** struct fuse_fsync_in. Data without metadata is no cheaper here. */
export const fsync: Operation = ({ fs, caller, request }) =>
  fs.fsync(caller, { ino: request.nodeid });

/** struct fuse_fallocate_in: fh, offset, length, mode, padding. */
export const fallocate: Operation = ({ fs, caller, request }) => {
  request.need(32);
  return fs.fallocate(caller, {
    handle: request.u64(0),
    offset: request.u64(8),
    length: request.u64(16),
    mode: fallocateMode(request.u32(24)),
  });
};

/** struct fuse_lseek_in: fh, offset, whence, padding. */
export const lseek: Operation = ({ fs, caller, request, reply }) => {
  const whence = request.u32(16);
  if (whence !== WHENCE.DATA && whence !== WHENCE.HOLE) {
    throw new NexusError("invalid-argument", `lseek from ${whence} is the kernel's business`);
  }
  const to = whence === WHENCE.DATA ? "data" : "hole";
  const found = fs.lseek(caller, { handle: request.u64(0), offset: request.u64(8), to });
  return whenReady(found, (offset) => reply.u64(offset));
};

/** The old answer counts with 32 bits: more is for {@link copyFileRange64}, or a further call. */
const MOST_BYTES_IN_32_BITS = 0x7fff_f000;

/** struct fuse_copy_file_range_in: fh, off, nodeid_out, fh_out, off_out, len, flags. */
export const copyFileRange: Operation = ({ fs, caller, request, reply }) => {
  const asked = copyRequest(request);
  const length = Math.min(asked.length, MOST_BYTES_IN_32_BITS);
  return whenReady(fs.copyFileRange(caller, { ...asked, length }), (count) => reply.u64(count));
};

export const copyFileRange64: Operation = ({ fs, caller, request, reply }) =>
  whenReady(fs.copyFileRange(caller, copyRequest(request)), (count) => reply.u64(count));

function copyRequest(request: Request) {
  request.need(56);
  return {
    handle: request.u64(0),
    offset: request.u64(8),
    toHandle: request.u64(24),
    toOffset: request.u64(32),
    length: request.u64(40),
  };
}

/**
 * struct fuse_open_out, 16 bytes. The kernel hears of what others change, so what it has of the file stays good. A
 * virtual file is read past the page cache, and past the size that stat(2) told: it may have another one by now.
 *
 * A write through the kernel's pages comes in parts, where it begins or goes on in a page that the kernel doesn't
 * have: and what somebody else appends could come between two of them. Past the pages it comes as one, as
 * long as a request has room for it. So where there are other mounts, what is only appended to goes past them.
 */
function replyOpened(
  { reply, granted, coherence }: Context,
  { ino, handle, appends }: { ino: Ino; handle: number; appends: boolean },
): void {
  granted.handle = handle;
  granted.goesPastCache = appends && !isVirtual(ino) && coherence?.hasSeveral === true;
  reply.u64(handle);
  if (isVirtual(ino)) reply.u64(FOPEN.DIRECT_IO);
  else reply.u64(FOPEN.KEEP_CACHE | (granted.goesPastCache ? FOPEN.DIRECT_IO : 0));
}

/** Of `open_flags`, which come beside those of open(2). */
function killsSetId(fuseFlags: number): { killSetId: boolean } {
  return { killSetId: (fuseFlags & OPEN_KILL_SUIDGID) !== 0 };
}
