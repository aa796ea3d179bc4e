import { NexusError } from "../../model/errors.js";
import type { Ino } from "../../model/ids.js";
import { whenReady } from "../../model/maybe-promise.js";
import { checkName } from "../../model/path.js";
import { RENAME_FLAG } from "../protocol/constants.js";
import type { Request } from "../protocol/request.js";
import { type Context, type Operation, replyAbsent, replyEntry } from "./context.js";

export const lookup: Operation = (context) => {
  const { fs, caller, request } = context;
  const parent = request.nodeid;
  const found = fs.lookup(caller, { parent, name: nameAt(request, 0) });
  return whenReady(found, (entry) =>
    entry === undefined ? replyAbsent(context, { parent }) : replyEntry(context, { parent, entry }),
  );
};

/** struct fuse_mknod_in: mode, rdev, umask, padding. The kernel has applied the umask. */
export const mknod: Operation = (context) => {
  const { fs, caller, request } = context;
  const { parent, name } = nameRequest(request, 16);
  const made = fs.mknod(caller, { parent, name, mode: request.u32(0), rdev: request.u32(4) });
  return whenReady(made, (entry) => replyEntry(context, { parent, entry }));
};

/** struct fuse_mkdir_in: mode, umask. */
export const mkdir: Operation = (context) => {
  const { fs, caller, request } = context;
  const { parent, name } = nameRequest(request, 8);
  const made = fs.mkdir(caller, { parent, name, mode: request.u32(0) });
  return whenReady(made, (entry) => replyEntry(context, { parent, entry }));
};

/** The name, then the target. */
export const symlink: Operation = (context) => {
  const { fs, caller, request } = context;
  const { length } = request.rawName(0);
  const target = Uint8Array.from(request.rawName(length + 1));
  const { parent, name } = nameRequest(request, 0);
  const made = fs.symlink(caller, { parent, name, target });
  return whenReady(made, (entry) => replyEntry(context, { parent, entry }));
};

/** struct fuse_link_in: the inode; the request's node is the new directory. */
export const link: Operation = (context) => {
  const { fs, caller, request } = context;
  const { parent, name: newName } = nameRequest(request, 8);
  const made = fs.link(caller, { ino: request.u64(0) as Ino, newParent: parent, newName });
  return whenReady(made, (entry) => replyEntry(context, { parent, entry }));
};

export const unlink: Operation = ({ fs, caller, request }) =>
  fs.unlink(caller, nameRequest(request, 0));

export const rmdir: Operation = ({ fs, caller, request }) =>
  fs.rmdir(caller, nameRequest(request, 0));

/** struct fuse_rename_in: the new directory; then both names. */
export const rename: Operation = (context) => renameWith(context, { flags: 0, namesAt: 8 });

/** struct fuse_rename2_in: the new directory, flags, padding. */
export const rename2: Operation = (context) =>
  renameWith(context, { flags: context.request.u32(8), namesAt: 16 });

export const readlink: Operation = ({ fs, caller, request, reply }) =>
  whenReady(fs.readlink(caller, { ino: request.nodeid }), (target) => reply.bytes(target));

const KNOWN_RENAME_FLAGS = RENAME_FLAG.NOREPLACE | RENAME_FLAG.EXCHANGE | RENAME_FLAG.WHITEOUT;

function renameWith(
  { fs, caller, request }: Context,
  { flags, namesAt }: { flags: number; namesAt: number },
) {
  if ((flags & ~KNOWN_RENAME_FLAGS) !== 0) {
    throw new NexusError("invalid-argument", `unknown rename flags ${flags}`);
  }
  const { length } = request.rawName(namesAt);
  const exchange = (flags & RENAME_FLAG.EXCHANGE) !== 0;
  const noReplace = (flags & RENAME_FLAG.NOREPLACE) !== 0;
  return fs.rename(caller, {
    ...nameRequest(request, namesAt),
    newParent: request.u64(0) as Ino,
    newName: nameAt(request, namesAt + length + 1),
    mode: exchange ? "exchange" : noReplace ? "no-replace" : "replace",
    whiteout: (flags & RENAME_FLAG.WHITEOUT) !== 0,
  });
}

/** The request's node is the directory; the name is at this offset. */
export function nameRequest(request: Request, offset: number): { parent: Ino; name: string } {
  return { parent: request.nodeid, name: nameAt(request, offset) };
}

function nameAt(request: Request, offset: number): string {
  return checkName(request.name(offset));
}
