import {
  isDirectory,
  isRegular,
  isSymlink,
  PERMISSION_BITS,
  S_IFMT,
  S_IFREG,
} from "../../src/model/attributes.js";
import type { Caller } from "../../src/model/identity.js";
import { type Ino, ROOT_INO } from "../../src/model/ids.js";
import type { Entry, FileSystem, OpenFlags } from "../../src/vfs/file-system.js";
import { InProcessDescriptors, statOf } from "./in-process-descriptors.js";
import { type Node, PathWalk } from "./path-walk.js";
import {
  type Device,
  F_OK,
  O,
  O_ACCMODE,
  type OpenRequest,
  type Owner,
  type PosixDriver,
  PosixError,
  type PosixPath,
  RENAME,
  type SetXattrRequest,
  type Stat,
  type StatVfs,
  type Times,
  type XattrRequest,
} from "./posix-driver.js";

export interface InProcessDriverOptions {
  readonly fs: FileSystem;
  readonly caller: Caller;
  /** The directory that paths start in; the root if it isn't given. Stays looked up. */
  readonly root?: Ino;
}

/**
 * System calls without a kernel: follows paths and keeps descriptors as a kernel does, and asks the
 * FileSystem what a kernel would ask it. Permissions are nobody's business here.
 */
export class InProcessDriver extends InProcessDescriptors implements PosixDriver {
  readonly #root: Ino;
  #umask = 0o022;

  constructor({ fs, caller, root = ROOT_INO }: InProcessDriverOptions) {
    super({ fs, caller });
    this.#root = root;
  }

  /** A driver whose root is this directory, which stays looked up. */
  async below(path: string): Promise<InProcessDriver> {
    const { fs, caller } = this;
    return await this.#walking("open", async (walk) => {
      const { ino } = await walk.resolve(path, { follow: true });
      walk.keep(ino);
      return new InProcessDriver({ fs, caller, root: ino });
    });
  }

  async open(path: PosixPath, request: OpenRequest): Promise<number> {
    return await this.#walking("open", (walk) => this.#open(walk, { path, ...request }));
  }

  async openat(at: number, request: OpenRequest & { path: string }): Promise<number> {
    const start = this.description(at, "openat");
    return await this.#walking("openat", (walk) => this.#open(walk, request), start);
  }

  async #open(
    walk: PathWalk,
    { path, flags, mode = 0 }: OpenRequest & { path: PosixPath },
  ): Promise<number> {
    if ((flags & O.TMPFILE) === O.TMPFILE)
      return await this.#openUnnamed(walk, { path, flags, mode });
    const creates = (flags & O.CREAT) !== 0;
    const exclusive = creates && (flags & O.EXCL) !== 0;
    const follow = (flags & O.NOFOLLOW) === 0 && !exclusive;
    const { parent, name, node, wantsDirectory } = await walk.locate(path, { follow });
    if (node === undefined) {
      if (!creates) throw new PosixError("open", "ENOENT");
      if (wantsDirectory) throw new PosixError("open", "EISDIR");
      const made = await this.fs.create(this.caller, {
        parent: parent.ino,
        name,
        mode: mode & PERMISSION_BITS & ~this.#umask,
        flags: openFlags(flags),
        exclusive,
      });
      return this.#installMade(flags, made);
    }
    this.#requireOpenable(node, { flags, exclusive });
    const { ino } = node;
    if (isDirectory(node.mode)) {
      await this.fs.opendir(this.caller, { ino });
      return this.install({ ...node, flags, handle: undefined, keepsLookup: walk.keep(ino) });
    }
    const { handle } = await this.fs.open(this.caller, { ino, flags: openFlags(flags) });
    return this.install({ ...node, flags, handle, keepsLookup: walk.keep(ino) });
  }

  /** What the kernel checks before it asks for an inode to be opened, open(2). */
  #requireOpenable(
    { mode }: Node,
    { flags, exclusive }: { flags: number; exclusive: boolean },
  ): void {
    const writes = (flags & O_ACCMODE) !== O.RDONLY || (flags & O.TRUNC) !== 0;
    if (exclusive) throw new PosixError("open", "EEXIST");
    if (isSymlink(mode)) throw new PosixError("open", "ELOOP");
    if (isDirectory(mode) && (writes || (flags & O.CREAT) !== 0)) {
      throw new PosixError("open", "EISDIR");
    }
    if (!isDirectory(mode) && (flags & O.DIRECTORY) !== 0) throw new PosixError("open", "ENOTDIR");
  }

  async #openUnnamed(
    walk: PathWalk,
    { path, flags, mode }: { path: PosixPath; flags: number; mode: number },
  ): Promise<number> {
    if ((flags & O_ACCMODE) === O.RDONLY) throw new PosixError("open", "EINVAL");
    const directory = await walk.resolve(path, { follow: true });
    if (!isDirectory(directory.mode)) throw new PosixError("open", "ENOTDIR");
    const made = await this.fs.tmpfile(this.caller, {
      ino: directory.ino,
      mode: mode & PERMISSION_BITS & ~this.#umask,
      flags: openFlags(flags),
      exclusive: (flags & O.EXCL) !== 0,
    });
    return this.#installMade(flags, made);
  }

  #installMade(
    flags: number,
    { entry, opened }: { entry: Entry; opened: { handle: number } },
  ): number {
    const { ino, attributes } = entry;
    const { handle } = opened;
    return this.install({ ino, mode: attributes.mode, flags, handle, keepsLookup: true });
  }

  async stat(path: PosixPath): Promise<Stat> {
    return await this.#stat("stat", { path, follow: true });
  }

  async lstat(path: PosixPath): Promise<Stat> {
    return await this.#stat("lstat", { path, follow: false });
  }

  async #stat(call: string, { path, follow }: { path: PosixPath; follow: boolean }): Promise<Stat> {
    return await this.#at(call, { path, follow }, async ({ ino }) =>
      statOf(await this.attributes(ino)),
    );
  }

  async access(path: PosixPath, mode: number): Promise<void> {
    if (mode !== F_OK) throw new Error("permissions are checked by kernels");
    await this.#at("access", { path, follow: true }, async () => undefined);
  }

  async statvfs(path: PosixPath): Promise<StatVfs> {
    return await this.#at("statvfs", { path, follow: true }, async ({ ino }) => {
      const stat = await this.fs.statfs(this.caller, { ino });
      return {
        bsize: stat.blockBytes,
        frsize: stat.blockBytes,
        blocks: stat.blocks,
        bfree: stat.blocksFree,
        bavail: stat.blocksAvailable,
        files: stat.files,
        ffree: stat.filesFree,
        namemax: stat.nameMaxBytes,
      };
    });
  }

  async truncate(path: PosixPath, sizeBytes: number): Promise<void> {
    if (sizeBytes < 0) throw new PosixError("truncate", "EINVAL");
    await this.#at("truncate", { path, follow: true }, async ({ ino, mode }) => {
      if (isDirectory(mode)) throw new PosixError("truncate", "EISDIR");
      if (!isRegular(mode)) throw new PosixError("truncate", "EINVAL");
      await this.setattr("truncate", { ino, sizeBytes });
    });
  }

  async chmod(path: PosixPath, mode: number): Promise<void> {
    await this.#at("chmod", { path, follow: true }, ({ ino }) =>
      this.setattr("chmod", { ino, permissions: mode & PERMISSION_BITS }),
    );
  }

  async chown(path: PosixPath, owner: Owner): Promise<void> {
    await this.#at("chown", { path, follow: true }, ({ ino }) =>
      this.setattr("chown", { ino, ...owner }),
    );
  }

  async lchown(path: PosixPath, owner: Owner): Promise<void> {
    await this.#at("lchown", { path, follow: false }, ({ ino }) =>
      this.setattr("lchown", { ino, ...owner }),
    );
  }

  async utimensat(
    path: PosixPath,
    { atime, mtime, follow = true }: Times & { follow?: boolean },
  ): Promise<void> {
    await this.#at("utimensat", { path, follow }, ({ ino }) =>
      this.setTimes("utimensat", { ino, times: { atime, mtime } }),
    );
  }

  umask(mask: number): number {
    const before = this.#umask;
    this.#umask = mask & 0o777;
    return before;
  }

  async mkdir(path: PosixPath, mode = 0o777): Promise<void> {
    await this.#walking("mkdir", async (walk) => {
      const { parent, name } = await walk.parentOf(path, { dot: "EEXIST" });
      const request = { parent, name, mode: mode & PERMISSION_BITS & ~this.#umask };
      walk.hold((await this.fs.mkdir(this.caller, request)).ino);
    });
  }

  async mknod(
    path: PosixPath,
    { mode, major = 0, minor = 0 }: { mode: number } & Partial<Device>,
  ): Promise<void> {
    const type = mode & S_IFMT || S_IFREG;
    await this.#making("mknod", { path }, async ({ parent, name }) => {
      const rdev = (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);
      const permissions = mode & PERMISSION_BITS & ~this.#umask;
      return this.fs.mknod(this.caller, { parent, name, mode: type | permissions, rdev });
    });
  }

  async symlink(target: PosixPath, path: PosixPath): Promise<void> {
    await this.#making("symlink", { path }, async ({ parent, name }) =>
      this.fs.symlink(this.caller, { parent, name, target: Buffer.from(target) }),
    );
  }

  async readlink(path: PosixPath): Promise<Buffer> {
    return await this.#at("readlink", { path, follow: false }, async ({ ino }) =>
      Buffer.from(await this.fs.readlink(this.caller, { ino })),
    );
  }

  async link(from: PosixPath, to: PosixPath): Promise<void> {
    await this.#at("link", { path: from, follow: false }, ({ ino }) => this.#link(ino, to));
  }

  async flink(fd: number, to: PosixPath): Promise<void> {
    await this.#link(this.description(fd, "linkat").ino, to);
  }

  async #link(ino: Ino, path: PosixPath): Promise<void> {
    await this.#making("link", { path }, async ({ parent, name }) =>
      this.fs.link(this.caller, { ino, newParent: parent, newName: name }),
    );
  }

  async unlink(path: PosixPath): Promise<void> {
    await this.#walking("unlink", async (walk) => {
      const { parent, name, wantsDirectory } = await walk.parentOf(path, { dot: "EISDIR" });
      if (wantsDirectory) {
        const { mode } = await walk.resolve(path, { follow: false });
        throw new PosixError("unlink", isDirectory(mode) ? "EISDIR" : "ENOTDIR");
      }
      await this.fs.unlink(this.caller, { parent, name });
    });
  }

  async rmdir(path: PosixPath): Promise<void> {
    await this.#walking("rmdir", async (walk) => {
      const last = { dot: "EINVAL", dotDot: "ENOTEMPTY" };
      const { parent, name } = await walk.parentOf(path, last);
      await this.fs.rmdir(this.caller, { parent, name });
    });
  }

  async rename(from: PosixPath, to: PosixPath): Promise<void> {
    await this.renameat2(from, { to, flags: 0 });
  }

  async renameat2(from: PosixPath, { to, flags }: { to: PosixPath; flags: number }): Promise<void> {
    const exchange = (flags & RENAME.EXCHANGE) !== 0;
    const noReplace = (flags & RENAME.NOREPLACE) !== 0;
    if (exchange && noReplace) throw new PosixError("renameat2", "EINVAL");
    await this.#walking("rename", async (walk) => {
      const { parent, name, wantsDirectory } = await walk.parentOf(from, { dot: "EBUSY" });
      const target = await walk.parentOf(to, { dot: "EBUSY" });
      if (wantsDirectory || target.wantsDirectory) {
        const { mode } = await walk.resolve(from, { follow: false });
        if (!isDirectory(mode)) throw new PosixError("rename", "ENOTDIR");
      }
      await this.fs.rename(this.caller, {
        parent,
        name,
        newParent: target.parent,
        newName: target.name,
        mode: exchange ? "exchange" : noReplace ? "no-replace" : "replace",
        whiteout: (flags & RENAME.WHITEOUT) !== 0,
      });
    });
  }

  async getxattr(path: PosixPath, { name, follow = true }: XattrRequest): Promise<Buffer> {
    return await this.#at("getxattr", { path, follow }, ({ ino }) => this.getAttribute(ino, name));
  }

  async setxattr(path: PosixPath, request: SetXattrRequest): Promise<void> {
    const { follow = true } = request;
    await this.#at("setxattr", { path, follow }, ({ ino }) => this.setAttribute(ino, request));
  }

  async listxattr(
    path: PosixPath,
    { follow = true }: { follow?: boolean } = {},
  ): Promise<string[]> {
    return await this.#at("listxattr", { path, follow }, async ({ ino }) =>
      this.fs.listxattr(this.caller, { ino }),
    );
  }

  async removexattr(path: PosixPath, name: string): Promise<void> {
    await this.#at("removexattr", { path, follow: true }, async ({ ino }) =>
      this.fs.removexattr(this.caller, { ino, name }),
    );
  }

  /** Does something with what a path leads to. */
  async #at<T>(
    call: string,
    { path, follow }: { path: PosixPath; follow: boolean },
    use: (node: Node) => Promise<T>,
  ): Promise<T> {
    return await this.#walking(call, async (walk) => use(await walk.resolve(path, { follow })));
  }

  /** Makes an entry, and forgets it. A path that ends in a slash can only become a directory. */
  async #making(
    call: string,
    { path }: { path: PosixPath },
    make: (name: { parent: Ino; name: string }) => Promise<Entry>,
  ): Promise<void> {
    await this.#walking(call, async (walk) => {
      const { parent, name, wantsDirectory } = await walk.parentOf(path, { dot: "EEXIST" });
      if (wantsDirectory) throw new PosixError(call, "ENOENT");
      walk.hold((await make({ parent, name })).ino);
    });
  }

  async #walking<T>(call: string, use: (walk: PathWalk) => Promise<T>, start?: Node): Promise<T> {
    const { fs, caller } = this;
    const { mode } = start ?? (await this.attributes(this.#root));
    const walk = new PathWalk({ fs, caller, start: { ino: start?.ino ?? this.#root, mode }, call });
    try {
      return await this.ask(call, () => use(walk));
    } finally {
      walk.forgetAll();
    }
  }
}

function openFlags(flags: number): OpenFlags {
  const access = flags & O_ACCMODE;
  return {
    access: access === O.WRONLY ? "write" : access === O.RDWR ? "both" : "read",
    truncate: (flags & O.TRUNC) !== 0,
    noAtime: (flags & O.NOATIME) !== 0,
    killSetId: false,
  };
}
