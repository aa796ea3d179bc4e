import { NexusError } from "../model/errors.js";
import type { Caller } from "../model/identity.js";
import type { FileSystem, OpenRequest } from "./file-system.js";
import { needsWrite } from "./open-flags.js";

/**
 * A file system through which nothing can be changed, beside others through which the same one can.
 * The kernel keeps a read-only mount so by itself, until root remounts it without the flag.
 */
export function readOnlyView(inner: FileSystem): FileSystem {
  return {
    variesByCaller: (request) => inner.variesByCaller(request),
    lookup: (caller, request) => inner.lookup(caller, request),
    forget: (request) => inner.forget(request),
    getattr: (caller, request) => inner.getattr(caller, request),
    readlink: (caller, request) => inner.readlink(caller, request),
    open: (caller, request) => open(inner, { caller, request }),
    read: (caller, request) => inner.read(caller, request),
    lseek: (caller, request) => inner.lseek(caller, request),
    fsync: (caller, request) => inner.fsync(caller, request),
    release: (request) => inner.release(request),
    opendir: (caller, request) => inner.opendir(caller, request),
    readdir: (caller, request) => inner.readdir(caller, request),
    readdirPlus: (caller, request) => inner.readdirPlus(caller, request),
    listByName: (caller, request) => inner.listByName(caller, request),
    describe: (caller, request) => inner.describe(caller, request),
    importTargets: (caller, paths) => inner.importTargets(caller, paths),
    getxattr: (caller, request) => inner.getxattr(caller, request),
    listxattr: (caller, request) => inner.listxattr(caller, request),
    statfs: (caller, request) => inner.statfs(caller, request),
    setattr: () => refuse("setattr"),
    mknod: () => refuse("mknod"),
    mkdir: () => refuse("mkdir"),
    symlink: () => refuse("symlink"),
    link: () => refuse("link"),
    unlink: () => refuse("unlink"),
    rmdir: () => refuse("rmdir"),
    rename: () => refuse("rename"),
    create: () => refuse("create"),
    tmpfile: () => refuse("tmpfile"),
    placeFiles: () => refuse("placeFiles"),
    importFiles: () => refuse("importFiles"),
    write: () => refuse("write"),
    fallocate: () => refuse("fallocate"),
    copyFileRange: () => refuse("copyFileRange"),
    setxattr: () => refuse("setxattr"),
    setxattrs: () => refuse("setxattrs"),
    removexattr: () => refuse("removexattr"),
  };
}

/** Reading alone. */
function open(
  inner: FileSystem,
  { caller, request }: { caller: Caller; request: OpenRequest },
): ReturnType<FileSystem["open"]> {
  return needsWrite(request.flags) ? refuse("open") : inner.open(caller, request);
}

function refuse(op: string): never {
  throw new NexusError("read-only", "this mount is read-only", { op });
}
