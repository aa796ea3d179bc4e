import { isKind } from "../../model/errors.js";
import { whenReady } from "../../model/maybe-promise.js";
import type { SetXattrRequest } from "../../vfs/file-system.js";
import { setXattrMode } from "../call-flags.js";
import { REFUSED_CLAIM } from "../errno.js";
import type { Context, Operation } from "./context.js";

/** struct fuse_getxattr_in: size, padding; then the name. Size 0 asks how long the value is. */
export const getxattr: Operation = (context) => {
  const { fs, caller, request } = context;
  const size = request.u32(0);
  const name = request.name(8);
  return whenReady(fs.getxattr(caller, { ino: request.nodeid, name }), (value) => {
    // Asked for every file that is written: does it have capabilities?
    if (value === undefined) context.refusal = "no-attribute";
    else replyValue(context, { value, size });
  });
};

/** The same struct; the names one after the other, each ended by NUL. */
export const listxattr: Operation = (context) => {
  const { fs, caller, request } = context;
  const size = request.u32(0);
  return whenReady(fs.listxattr(caller, { ino: request.nodeid }), (names) => {
    const value = Buffer.from(names.map((name) => `${name}\0`).join(""), "utf8");
    replyValue(context, { value, size });
  });
};

/** struct fuse_setxattr_in in its short form: size, flags; then the name and the value. */
export const setxattr: Operation = (context) => {
  const { fs, caller, request } = context;
  const flags = request.u32(4);
  const { length } = request.rawName(8);
  const change: SetXattrRequest = {
    ino: request.nodeid,
    name: request.name(8),
    value: Uint8Array.from(request.bytes(8 + length + 1, request.u32(0))),
    mode: setXattrMode(flags),
  };
  const refuse = (error: unknown): void => {
    if (!isKind(error, "try-again")) throw error;
    context.refusal = REFUSED_CLAIM;
  };
  try {
    const set = fs.setxattr(caller, change);
    return set instanceof Promise ? set.catch(refuse) : set;
  } catch (error) {
    return refuse(error);
  }
};

export const removexattr: Operation = ({ fs, caller, request }) =>
  fs.removexattr(caller, { ino: request.nodeid, name: request.name(0) });

/** A value that is longer than the caller has room for is refused. */
function replyValue(context: Context, { value, size }: { value: Uint8Array; size: number }): void {
  if (size === 0)
    context.reply.u64(value.length); // size, padding
  else if (value.length > size) context.refusal = "buffer-too-small";
  else context.reply.bytes(value);
}
