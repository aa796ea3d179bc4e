import { errnoOf } from "../../src/fuse/errno.js";
import { type Attributes, isDirectory, isRegular } from "../../src/model/attributes.js";
import type { Caller } from "../../src/model/identity.js";
import type { Ino } from "../../src/model/ids.js";
import type { MaybePromise } from "../../src/model/maybe-promise.js";
import type { FallocateRequest, FileSystem, SetAttrRequest } from "../../src/vfs/file-system.js";
import type { Node } from "./path-walk.js";
import {
  type CopyRequest,
  type DirectoryEntry,
  errnoCode,
  FALLOC,
  O,
  O_ACCMODE,
  type Owner,
  PosixError,
  RWF,
  type SetXattrRequest,
  type Span,
  type Stat,
  type Times,
  type Whence,
  type WriteFlagsRequest,
} from "./posix-driver.js";

/** struct linux_dirent64 without the name, getdents64(2). */
const DIRENT_BYTES = 19;

/** An open file description. */
interface Description extends Node {
  flags: number;
  /** It keeps one look-up of its inode, as the kernel's does; not for where a path began. */
  readonly keepsLookup: boolean;
  /** Undefined for a directory: listings have no handle. */
  readonly handle: number | undefined;
  position: number;
}

/**
 * The calls on descriptors, in this process. It does what the kernel does before and after it asks a
 * FUSE file system: positions, access modes, arguments that no file system gets to see.
 */
export class InProcessDescriptors {
  protected readonly fs: FileSystem;
  protected readonly caller: Caller;
  readonly #open = new Map<number, Description>();
  #next = 3;

  constructor({ fs, caller }: { fs: FileSystem; caller: Caller }) {
    this.fs = fs;
    this.caller = caller;
  }

  async close(fd: number): Promise<void> {
    const { ino, handle, keepsLookup } = this.description(fd, "close");
    this.#open.delete(fd);
    if (handle !== undefined) this.fs.release({ handle });
    if (keepsLookup) this.fs.forget({ ino, count: 1 });
  }

  async read(fd: number, length: number): Promise<Buffer> {
    const file = this.description(fd, "read");
    const data = await this.pread(fd, { offset: file.position, length });
    file.position += data.length;
    return data;
  }

  async pread(fd: number, { offset, length }: Span): Promise<Buffer> {
    const handle = this.#handle(fd, "read");
    if (offset < 0) throw new PosixError("read", "EINVAL");
    const into = Buffer.alloc(length);
    const count = await this.ask("read", () => this.fs.read(this.caller, { handle, offset, into }));
    return into.subarray(0, count);
  }

  async write(fd: number, data: Uint8Array): Promise<number> {
    const file = this.description(fd, "write");
    const count = await this.pwrite(fd, { offset: file.position, data });
    const appends = (file.flags & O.APPEND) !== 0;
    file.position = appends ? (await this.fstat(fd)).size : file.position + count;
    return count;
  }

  async pwrite(fd: number, { offset, data }: { offset: number; data: Uint8Array }) {
    return await this.pwritev2(fd, { offset, data, flags: 0 });
  }

  async pwritev2(fd: number, { offset, data, flags }: WriteFlagsRequest): Promise<number> {
    const handle = this.#handle(fd, "write");
    if (offset < 0) throw new PosixError("write", "EINVAL");
    const isAppending = (this.description(fd, "write").flags & O.APPEND) !== 0;
    const appends = (flags & RWF.APPEND) !== 0 || (isAppending && (flags & RWF.NOAPPEND) === 0);
    const at = appends ? ("end" as const) : offset;
    const request = { handle, offset: at, data, killSetId: false };
    await this.ask("write", () => this.fs.write(this.caller, request));
    return data.length;
  }

  async setStatusFlags(fd: number, flags: number): Promise<void> {
    const file = this.description(fd, "fcntl");
    file.flags = (file.flags & ~O.APPEND) | (flags & O.APPEND);
  }

  async lseek(fd: number, { offset, whence }: { offset: number; whence: Whence }): Promise<number> {
    const file = this.description(fd, "lseek");
    const position = await this.#seek(file, { offset, whence });
    if (position < 0) throw new PosixError("lseek", "EINVAL");
    file.position = position;
    return position;
  }

  async #seek(
    { ino, handle, position }: Description,
    { offset, whence }: { offset: number; whence: Whence },
  ): Promise<number> {
    switch (whence) {
      case "set":
        return offset;
      case "current":
        return position + offset;
      case "end":
        return (await this.attributes(ino)).sizeBytes + offset;
      case "data":
      case "hole": {
        if (handle === undefined) throw new PosixError("lseek", "EINVAL");
        if (offset < 0) throw new PosixError("lseek", "ENXIO");
        const request = { handle, offset, to: whence };
        return this.ask("lseek", () => this.fs.lseek(this.caller, request));
      }
    }
  }

  async ftruncate(fd: number, sizeBytes: number): Promise<void> {
    const { ino, handle, flags, mode } = this.description(fd, "ftruncate");
    const isWritable = (flags & O_ACCMODE) !== O.RDONLY;
    if (sizeBytes < 0 || !isWritable || !isRegular(mode) || handle === undefined) {
      throw new PosixError("ftruncate", "EINVAL");
    }
    await this.setattr("ftruncate", { ino, handle, sizeBytes });
  }

  async fallocate(fd: number, { offset, length, mode }: Span & { mode: number }): Promise<void> {
    const handle = this.#handle(fd, "fallocate");
    if (offset < 0 || length <= 0) throw new PosixError("fallocate", "EINVAL");
    const request = { handle, offset, length, mode: allocation(mode) };
    await this.ask("fallocate", () => this.fs.fallocate(this.caller, request));
  }

  async copyFileRange(fd: number, request: CopyRequest): Promise<number> {
    const from = this.description(fd, "copy_file_range");
    const to = this.description(request.to, "copy_file_range");
    const offset = request.offset ?? from.position;
    const toOffset = request.toOffset ?? to.position;
    const length = await this.#copyable({ from, to }, { ...request, offset, toOffset });
    if (length === 0) return 0;
    const handle = this.#handle(fd, "copy_file_range");
    const toHandle = this.#handle(request.to, "copy_file_range");
    const copied = await this.ask("copy_file_range", () =>
      this.fs.copyFileRange(this.caller, { handle, offset, toHandle, toOffset, length }),
    );
    if (request.offset === undefined) from.position += copied;
    if (request.toOffset === undefined) to.position += copied;
    return copied;
  }

  /** generic_copy_file_checks() of the kernel: how much there is to copy, and whether it may. */
  async #copyable(
    { from, to }: { from: Description; to: Description },
    { offset, toOffset, length }: { offset: number; toOffset: number; length: number },
  ): Promise<number> {
    if ((to.flags & O.APPEND) !== 0) throw new PosixError("copy_file_range", "EBADF");
    const { sizeBytes } = await this.attributes(from.ino);
    const count = Math.max(0, Math.min(length, sizeBytes - offset));
    const overlaps = toOffset + count > offset && toOffset < offset + count;
    if (from.ino === to.ino && overlaps) throw new PosixError("copy_file_range", "EINVAL");
    return count;
  }

  async fsync(fd: number): Promise<void> {
    const { ino } = this.description(fd, "fsync");
    await this.ask("fsync", () => this.fs.fsync(this.caller, { ino }));
  }

  async fdatasync(fd: number): Promise<void> {
    await this.fsync(fd);
  }

  /** There is no cache in between. */
  async dropCache(_fd: number): Promise<void> {}

  async fstat(fd: number): Promise<Stat> {
    return statOf(await this.attributes(this.description(fd, "fstat").ino));
  }

  async fchmod(fd: number, mode: number): Promise<void> {
    const { ino } = this.description(fd, "fchmod");
    await this.setattr("fchmod", { ino, permissions: mode & 0o7777 });
  }

  async fchown(fd: number, owner: Owner): Promise<void> {
    const { ino } = this.description(fd, "fchown");
    await this.setattr("fchown", { ino, ...owner });
  }

  async futimens(fd: number, { atime, mtime }: Times): Promise<void> {
    const { ino } = this.description(fd, "futimens");
    await this.setTimes("futimens", { ino, times: { atime, mtime } });
  }

  async getdents64(fd: number, bytes: number): Promise<DirectoryEntry[]> {
    const directory = this.description(fd, "getdents64");
    const { ino, mode, position, flags } = directory;
    if (!isDirectory(mode)) throw new PosixError("getdents64", "ENOTDIR");
    const entries: DirectoryEntry[] = [];
    let room = bytes;
    let isFull = false;
    const emit = (entry: { name: string; ino: Ino; mode: number; cookie: number }): boolean => {
      const size = (DIRENT_BYTES + Buffer.byteLength(entry.name) + 1 + 7) & ~7;
      isFull = room < size;
      if (isFull) return false;
      room -= size;
      const { name, cookie } = entry;
      entries.push({ name, ino: entry.ino, type: entry.mode >>> 12, cookie: BigInt(cookie) });
      directory.position = cookie;
      return true;
    };
    const noAtime = (flags & O.NOATIME) !== 0;
    const request = { ino, cookie: position, limit: Math.ceil(bytes / 40), noAtime };
    // The kernel starts with READDIRPLUS and goes on with READDIR when nobody looks at the entries.
    if (position === 0) {
      const looked: Ino[] = [];
      const emitPlus: typeof emit = (entry) => {
        const isTaken = emit(entry);
        if (isTaken && entry.name !== "." && entry.name !== "..") looked.push(entry.ino);
        return isTaken;
      };
      const plus = { ...request, emit: emitPlus };
      await this.ask("getdents64", () => this.fs.readdirPlus(this.caller, plus));
      for (const entry of looked) this.fs.forget({ ino: entry, count: 1 });
    } else {
      await this.ask("getdents64", () => this.fs.readdir(this.caller, { ...request, emit }));
    }
    if (entries.length === 0 && isFull) throw new PosixError("getdents64", "EINVAL");
    return entries;
  }

  async seekdir(fd: number, cookie: bigint): Promise<void> {
    this.description(fd, "lseek").position = Number(cookie);
  }

  async fgetxattr(fd: number, name: string): Promise<Buffer> {
    const { ino } = this.description(fd, "fgetxattr");
    return this.getAttribute(ino, name);
  }

  async fsetxattr(fd: number, request: SetXattrRequest): Promise<void> {
    const { ino } = this.description(fd, "fsetxattr");
    await this.setAttribute(ino, request);
  }

  async fremovexattr(fd: number, name: string): Promise<void> {
    const { ino } = this.description(fd, "fremovexattr");
    await this.ask("fremovexattr", () => this.fs.removexattr(this.caller, { ino, name }));
  }

  protected install(description: Omit<Description, "position">): number {
    const fd = this.#next++;
    this.#open.set(fd, { ...description, position: 0 });
    return fd;
  }

  protected description(fd: number, call: string): Description {
    const found = this.#open.get(fd);
    if (found === undefined) throw new PosixError(call, "EBADF");
    return found;
  }

  /** What the file system throws, as the errno that a program would see. */
  protected async ask<T>(call: string, request: () => MaybePromise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      if (error instanceof PosixError) throw error;
      throw new PosixError(call, errnoCode(errnoOf(error)), { cause: error });
    }
  }

  protected async attributes(ino: Ino): Promise<Attributes> {
    return await this.ask("stat", () => this.fs.getattr(this.caller, { ino }));
  }

  protected async setattr(call: string, request: SetAttrRequest): Promise<void> {
    await this.ask(call, () => this.fs.setattr(this.caller, request));
  }

  protected async setTimes(
    call: string,
    { ino, times }: { ino: Ino; times: { [K in keyof Times]: Times[K] | undefined } },
  ): Promise<void> {
    const { atime, mtime } = times;
    if (atime === undefined && mtime === undefined) return;
    await this.setattr(call, {
      ino,
      ...(atime === undefined ? {} : { atime }),
      ...(mtime === undefined ? {} : { mtime }),
    });
  }

  protected async getAttribute(ino: Ino, name: string): Promise<Buffer> {
    const value = await this.ask("getxattr", () => this.fs.getxattr(this.caller, { ino, name }));
    if (value === undefined) throw new PosixError("getxattr", "ENODATA");
    return Buffer.from(value);
  }

  protected async setAttribute(ino: Ino, { name, value, flags = 0 }: SetXattrRequest) {
    const mode = (["any", "create", "replace", "create and replace"] as const)[flags] ?? "any";
    await this.ask("setxattr", () => this.fs.setxattr(this.caller, { ino, name, value, mode }));
  }

  #handle(fd: number, call: string): number {
    const { handle } = this.description(fd, call);
    if (handle === undefined) throw new PosixError(call, "EISDIR");
    return handle;
  }
}

/** The modes that the FUSE module passes on; it refuses the others itself. */
function allocation(mode: number): FallocateRequest["mode"] {
  const { KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE } = FALLOC;
  const modes = new Map<number, FallocateRequest["mode"]>([
    [0, "extend"],
    [KEEP_SIZE, "keep-size"],
    [PUNCH_HOLE | KEEP_SIZE, "punch-hole"],
    [ZERO_RANGE, "zero"],
    [ZERO_RANGE | KEEP_SIZE, "zero-keep-size"],
  ]);
  const found = modes.get(mode);
  if (found === undefined) throw new PosixError("fallocate", "EOPNOTSUPP");
  return found;
}

export function statOf(attributes: Attributes): Stat {
  const { ino, mode, nlink, uid, gid, sizeBytes, blocks, rdev } = attributes;
  const { atime, mtime, ctime, btime } = attributes;
  const device = { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
  const times = { atime, mtime, ctime, btime };
  return { ino, mode, nlink, uid, gid, size: sizeBytes, blocks, rdev: device, ...times };
}
