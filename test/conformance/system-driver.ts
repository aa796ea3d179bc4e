import { lastErrno } from "../../src/libc/library.js";
import type { Timestamp } from "../../src/model/timestamp.js";
import {
  type CopyRequest,
  type Device,
  type DirectoryEntry,
  errnoCode,
  type OpenRequest,
  type Owner,
  type PosixDriver,
  PosixError,
  type PosixPath,
  type SetXattrRequest,
  type Span,
  type Stat,
  type StatVfs,
  type Times,
  type Whence,
  type WriteFlagsRequest,
  type XattrRequest,
} from "./posix-driver.js";
import { libc } from "./system-calls.js";

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_SYMLINK_FOLLOW = 0x400;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
const STATX_BTIME = 0x800;
const STATX_BYTES = 256;
const UTIME_NOW = (1n << 30n) - 1n;
const UTIME_OMIT = (1n << 30n) - 2n;
const POSIX_FADV_DONTNEED = 4;
const F_SETFL = 4;
/** PATH_MAX, XATTR_SIZE_MAX, XATTR_LIST_MAX. */
const PATH_MAX = 4096;
const XATTR_MAX = 64 * 1024;

const WHENCE: Readonly<Record<Whence, number>> = { set: 0, current: 1, end: 2, data: 3, hole: 4 };

/** Real system calls, on the directory `root` of this machine. */
export class SystemDriver implements PosixDriver {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  async open(path: PosixPath, { flags, mode = 0 }: OpenRequest): Promise<number> {
    return check("open", libc.open(this.#path(path), flags, mode));
  }

  async openat(at: number, { path, flags, mode = 0 }: OpenRequest & { path: string }) {
    return check("openat", libc.openat(at, terminated(path), flags, mode));
  }

  async close(fd: number): Promise<void> {
    check("close", libc.close(fd));
  }

  async read(fd: number, length: number): Promise<Buffer> {
    const into = Buffer.alloc(length);
    return into.subarray(0, check("read", libc.read(fd, into, length)));
  }

  async pread(fd: number, { offset, length }: Span): Promise<Buffer> {
    const into = Buffer.alloc(length);
    return into.subarray(0, check("pread", libc.pread(fd, into, length, offset)));
  }

  async write(fd: number, data: Uint8Array): Promise<number> {
    return check("write", libc.write(fd, data, data.length));
  }

  async pwrite(fd: number, { offset, data }: { offset: number; data: Uint8Array }) {
    return check("pwrite", libc.pwrite(fd, data, data.length, offset));
  }

  async pwritev2(fd: number, { offset, data, flags }: WriteFlagsRequest): Promise<number> {
    const vectors = [{ base: data, length: data.length }];
    return check("pwritev2", libc.pwritev2(fd, vectors, 1, offset, flags));
  }

  async setStatusFlags(fd: number, flags: number): Promise<void> {
    check("fcntl", libc.setStatusFlags(fd, F_SETFL, flags));
  }

  async lseek(fd: number, { offset, whence }: { offset: number; whence: Whence }) {
    return check("lseek", Number(libc.lseek(fd, offset, WHENCE[whence])));
  }

  async truncate(path: PosixPath, sizeBytes: number): Promise<void> {
    check("truncate", libc.truncate(this.#path(path), sizeBytes));
  }

  async ftruncate(fd: number, sizeBytes: number): Promise<void> {
    check("ftruncate", libc.ftruncate(fd, sizeBytes));
  }

  async fallocate(fd: number, { offset, length, mode }: Span & { mode: number }): Promise<void> {
    check("fallocate", libc.fallocate(fd, mode, offset, length));
  }

  async copyFileRange(fd: number, request: CopyRequest): Promise<number> {
    const { offset, to, toOffset, length } = request;
    const from = offset === undefined ? null : BigInt64Array.of(BigInt(offset));
    const into = toOffset === undefined ? null : BigInt64Array.of(BigInt(toOffset));
    return check("copy_file_range", libc.copyFileRange(fd, from, to, into, length, 0));
  }

  async fsync(fd: number): Promise<void> {
    check("fsync", libc.fsync(fd));
  }

  async fdatasync(fd: number): Promise<void> {
    check("fdatasync", libc.fdatasync(fd));
  }

  async dropCache(fd: number): Promise<void> {
    // Only pages that are on disk can be dropped.
    check("fdatasync", libc.fdatasync(fd));
    const errno = libc.posixFadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    if (errno !== 0) throw new PosixError("posix_fadvise", errnoCode(errno));
  }

  async stat(path: PosixPath): Promise<Stat> {
    return statx("stat", { at: AT_FDCWD, path: this.#path(path), flags: 0 });
  }

  async lstat(path: PosixPath): Promise<Stat> {
    return statx("lstat", { at: AT_FDCWD, path: this.#path(path), flags: AT_SYMLINK_NOFOLLOW });
  }

  async fstat(fd: number): Promise<Stat> {
    return statx("fstat", { at: fd, path: terminated(""), flags: AT_EMPTY_PATH });
  }

  async access(path: PosixPath, mode: number): Promise<void> {
    check("access", libc.access(this.#path(path), mode));
  }

  async statvfs(path: PosixPath): Promise<StatVfs> {
    // struct statvfs: eleven unsigned longs, then what nobody needs.
    const stat = new BigUint64Array(16);
    check("statvfs", libc.statvfs(this.#path(path), stat));
    const field = (index: number) => Number(stat[index] ?? 0n);
    return {
      bsize: field(0),
      frsize: field(1),
      blocks: field(2),
      bfree: field(3),
      bavail: field(4),
      files: field(5),
      ffree: field(6),
      namemax: field(10),
    };
  }

  async chmod(path: PosixPath, mode: number): Promise<void> {
    check("chmod", libc.chmod(this.#path(path), mode));
  }

  async fchmod(fd: number, mode: number): Promise<void> {
    check("fchmod", libc.fchmod(fd, mode));
  }

  async chown(path: PosixPath, { uid = -1, gid = -1 }: Owner): Promise<void> {
    check("chown", libc.chown(this.#path(path), uid, gid));
  }

  async lchown(path: PosixPath, { uid = -1, gid = -1 }: Owner): Promise<void> {
    check("lchown", libc.lchown(this.#path(path), uid, gid));
  }

  async fchown(fd: number, { uid = -1, gid = -1 }: Owner): Promise<void> {
    check("fchown", libc.fchown(fd, uid, gid));
  }

  async utimensat(path: PosixPath, { follow = true, ...times }: Times & { follow?: boolean }) {
    const flags = follow ? 0 : AT_SYMLINK_NOFOLLOW;
    check("utimensat", libc.utimensat(AT_FDCWD, this.#path(path), timespecs(times), flags));
  }

  async futimens(fd: number, times: Times): Promise<void> {
    check("futimens", libc.futimens(fd, timespecs(times)));
  }

  umask(mask: number): number {
    return libc.umask(mask);
  }

  async mkdir(path: PosixPath, mode = 0o777): Promise<void> {
    check("mkdir", libc.mkdir(this.#path(path), mode));
  }

  async rmdir(path: PosixPath): Promise<void> {
    check("rmdir", libc.rmdir(this.#path(path)));
  }

  async unlink(path: PosixPath): Promise<void> {
    check("unlink", libc.unlink(this.#path(path)));
  }

  async rename(from: PosixPath, to: PosixPath): Promise<void> {
    check("rename", libc.rename(this.#path(from), this.#path(to)));
  }

  async renameat2(from: PosixPath, { to, flags }: { to: PosixPath; flags: number }): Promise<void> {
    const result = libc.renameat2(AT_FDCWD, this.#path(from), AT_FDCWD, this.#path(to), flags);
    check("renameat2", result);
  }

  async link(from: PosixPath, to: PosixPath): Promise<void> {
    check("link", libc.link(this.#path(from), this.#path(to)));
  }

  async flink(fd: number, to: PosixPath): Promise<void> {
    const from = terminated(`/proc/self/fd/${fd}`);
    const result = libc.linkat(AT_FDCWD, from, AT_FDCWD, this.#path(to), AT_SYMLINK_FOLLOW);
    check("linkat", result);
  }

  async symlink(target: PosixPath, path: PosixPath): Promise<void> {
    check("symlink", libc.symlink(terminated(target), this.#path(path)));
  }

  async readlink(path: PosixPath): Promise<Buffer> {
    const into = Buffer.alloc(PATH_MAX);
    return into.subarray(0, check("readlink", libc.readlink(this.#path(path), into, PATH_MAX)));
  }

  async mknod(
    path: PosixPath,
    { mode, major = 0, minor = 0 }: { mode: number } & Partial<Device>,
  ): Promise<void> {
    // makedev(3), for numbers that fit the old 12 and 20 bits.
    const device = (minor & 0xff) + (major & 0xfff) * 0x100 + (minor >>> 8) * 0x100000;
    check("mknod", libc.mknod(this.#path(path), mode, device));
  }

  async getdents64(fd: number, bytes: number): Promise<DirectoryEntry[]> {
    const buffer = Buffer.alloc(bytes);
    const end = check("getdents64", libc.getdents64(fd, buffer, bytes));
    const entries: DirectoryEntry[] = [];
    // struct linux_dirent64: ino, cookie, length of the record, type, name.
    for (let at = 0; at < end; at += buffer.readUInt16LE(at + 16)) {
      const nameEnd = buffer.indexOf(0, at + 19);
      entries.push({
        ino: Number(buffer.readBigUInt64LE(at)),
        cookie: buffer.readBigInt64LE(at + 8),
        type: buffer.readUInt8(at + 18),
        name: buffer.toString("utf8", at + 19, nameEnd),
      });
    }
    return entries;
  }

  async seekdir(fd: number, cookie: bigint): Promise<void> {
    // A position of a directory is a hash on some file systems: more than a double holds.
    check("lseek", libc.lseek(fd, cookie, WHENCE.set) === -1 ? -1 : 0);
  }

  async getxattr(
    path: PosixPath,
    { name, follow = true, size = XATTR_MAX }: XattrRequest & { size?: number },
  ): Promise<Buffer> {
    const value = Buffer.alloc(size);
    const call = follow ? libc.getxattr : libc.lgetxattr;
    const length = check("getxattr", call(this.#path(path), terminated(name), value, size));
    return size === 0 ? Buffer.alloc(length) : value.subarray(0, length);
  }

  async fgetxattr(fd: number, name: string): Promise<Buffer> {
    const value = Buffer.alloc(XATTR_MAX);
    const length = libc.fgetxattr(fd, terminated(name), value, XATTR_MAX);
    return value.subarray(0, check("fgetxattr", length));
  }

  async setxattr(path: PosixPath, request: SetXattrRequest): Promise<void> {
    const { name, value, flags = 0, follow = true } = request;
    const call = follow ? libc.setxattr : libc.lsetxattr;
    check("setxattr", call(this.#path(path), terminated(name), value, value.length, flags));
  }

  async fsetxattr(fd: number, { name, value, flags = 0 }: SetXattrRequest): Promise<void> {
    check("fsetxattr", libc.fsetxattr(fd, terminated(name), value, value.length, flags));
  }

  async listxattr(
    path: PosixPath,
    { size = XATTR_MAX, follow = true }: { size?: number; follow?: boolean } = {},
  ): Promise<string[]> {
    const list = Buffer.alloc(size);
    const call = follow ? libc.listxattr : libc.llistxattr;
    const length = check("listxattr", call(this.#path(path), list, size));
    return list.toString("utf8", 0, length).split("\0").slice(0, -1);
  }

  async removexattr(path: PosixPath, name: string): Promise<void> {
    check("removexattr", libc.removexattr(this.#path(path), terminated(name)));
  }

  async fremovexattr(fd: number, name: string): Promise<void> {
    check("fremovexattr", libc.fremovexattr(fd, terminated(name)));
  }

  /** The empty path leads nowhere, also below a root. */
  #path(path: PosixPath): Buffer {
    if (path.length === 0) return terminated("");
    return Buffer.concat([Buffer.from(`${this.root}/`), terminated(path)]);
  }
}

/** errno(3) of the call just made, if it says that it failed. */
function check(call: string, result: number): number {
  if (result >= 0) return result;
  throw new PosixError(call, errnoCode(lastErrno()));
}

function terminated(path: PosixPath): Buffer {
  return Buffer.concat([Buffer.from(path), Buffer.alloc(1)]);
}

/** struct timespec[2]: access time, modification time. */
function timespecs({ atime, mtime }: Times): BigInt64Array {
  return BigInt64Array.from([atime, mtime].flatMap(timespec));
}

function timespec(time: Timestamp | "now" | undefined): [bigint, bigint] {
  if (time === undefined) return [0n, UTIME_OMIT];
  if (time === "now") return [0n, UTIME_NOW];
  return [BigInt(time.sec), BigInt(time.nsec)];
}

/** statx(2): the one call of the family whose layout is the same everywhere. */
function statx(
  call: string,
  { at, path, flags }: { at: number; path: Buffer; flags: number },
): Stat {
  const stat = Buffer.alloc(STATX_BYTES);
  check(call, libc.statx(at, path, flags, STATX_BASIC_STATS | STATX_BTIME, stat));
  const time = (offset: number): Timestamp => ({
    sec: Number(stat.readBigInt64LE(offset)),
    nsec: stat.readUInt32LE(offset + 8),
  });
  const hasBtime = (stat.readUInt32LE(0) & STATX_BTIME) !== 0;
  return {
    nlink: stat.readUInt32LE(16),
    uid: stat.readUInt32LE(20),
    gid: stat.readUInt32LE(24),
    mode: stat.readUInt16LE(28),
    ino: Number(stat.readBigUInt64LE(32)),
    size: Number(stat.readBigUInt64LE(40)),
    blocks: Number(stat.readBigUInt64LE(48)),
    atime: time(64),
    btime: hasBtime ? time(80) : undefined,
    ctime: time(96),
    mtime: time(112),
    rdev: { major: stat.readUInt32LE(128), minor: stat.readUInt32LE(132) },
  };
}
