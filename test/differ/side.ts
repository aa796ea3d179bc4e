import { S_IFDIR, S_IFMT, S_IFREG } from "../../src/model/attributes.js";
import { KernelCalls } from "../conformance/kernel-calls.js";
import {
  type DirectoryEntry,
  O,
  type PosixDriver,
  PosixError,
  type Stat,
} from "../conformance/posix-driver.js";
import { settle } from "../conformance/posix-steps.js";
import { libc } from "../conformance/system-calls.js";
import { actAs, type Credentials } from "../conformance/thread-credentials.js";
import { bytesOf } from "./data.js";
import { O_NONBLOCK } from "./flags.js";
import { holes } from "./holes.js";
import { pathBytes, type Step } from "./step.js";

export const POSIX_FADV_DONTNEED = 4;
/** What is mapped of a file at most. */
const MAPPED_BYTES = 64 * 1024;

/** What a call came to: the name of its errno, or what it returned as far as that must be the same. */
export type Outcome =
  | { readonly error: string }
  | { readonly value: number | string | undefined }
  | { readonly bytes: Buffer }
  | { readonly stat: Stat };

/** Of a call that only succeeds. */
const NOTHING: Outcome = { value: undefined };

/** One of the two that are compared. */
export interface SideOptions {
  /** The same directory through each of its mounts. */
  readonly drivers: readonly PosixDriver[];
  /** It has contents that can be settled, and a cache that can be dropped. */
  readonly isNexus: boolean;
  /** Who takes the steps that aren't root's. */
  readonly user?: Credentials | undefined;
}

export interface Descriptor {
  readonly fd: number;
  /** The mount that it belongs to. */
  readonly via: number;
}

/** A directory to which steps are applied, with the descriptors that they opened. Close it. */
export class Side {
  readonly drivers: readonly PosixDriver[];
  readonly slots = new Map<number, Descriptor>();
  readonly #isNexus: boolean;
  readonly #user: Credentials | undefined;
  readonly #kernel = new KernelCalls("/");

  constructor({ drivers, isNexus, user }: SideOptions) {
    this.drivers = drivers;
    this.#isNexus = isNexus;
    this.#user = user;
  }

  driver(via: number): PosixDriver {
    const found = this.drivers[via % this.drivers.length];
    if (found === undefined) throw new Error("a side has at least one driver");
    return found;
  }

  async take(step: Step): Promise<Outcome> {
    try {
      if (step.asUser !== true || this.#user === undefined) return await this.#call(step);
      return await actAs(this.#user, () => this.#call(step));
    } catch (error) {
      if (error instanceof PosixError) return { error: error.code };
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const { fd, via } of this.slots.values()) await this.driver(via).close(fd);
    this.slots.clear();
  }

  async #call(step: Step): Promise<Outcome> {
    const via = step.via ?? 0;
    const at = this.driver(via);
    switch (step.call) {
      case "open":
        return await this.#put(step.slot, {
          fd: await at.open(pathBytes(step.path), { ...step, flags: step.flags | O_NONBLOCK }),
          via,
        });
      case "stat":
        return { stat: await at.stat(pathBytes(step.path)) };
      case "lstat":
        return { stat: await at.lstat(pathBytes(step.path)) };
      case "access":
        return await done(at.access(pathBytes(step.path), step.mode));
      case "truncate":
        return await done(at.truncate(pathBytes(step.path), step.size));
      case "chmod":
        return await done(at.chmod(pathBytes(step.path), step.mode));
      case "chown":
        return await done(at.chown(pathBytes(step.path), step));
      case "lchown":
        return await done(at.lchown(pathBytes(step.path), step));
      case "utimensat":
        return await done(at.utimensat(pathBytes(step.path), step));
      case "umask":
        at.umask(step.mask);
        return NOTHING;
      case "mkdir":
        return await done(at.mkdir(pathBytes(step.path), step.mode));
      case "rmdir":
        return await done(at.rmdir(pathBytes(step.path)));
      case "unlink":
        return await done(at.unlink(pathBytes(step.path)));
      case "rename":
        return await done(at.rename(pathBytes(step.path), pathBytes(step.to)));
      case "renameat2": {
        const request = { to: pathBytes(step.to), flags: step.flags };
        return await done(at.renameat2(pathBytes(step.path), { ...request }));
      }
      case "link":
        return await done(at.link(pathBytes(step.path), pathBytes(step.to)));
      case "symlink":
        return await done(at.symlink(step.target, pathBytes(step.path)));
      case "readlink":
        return { bytes: await at.readlink(pathBytes(step.path)) };
      case "mknod":
        return await done(at.mknod(pathBytes(step.path), step));
      case "list": {
        const flags = O.RDONLY | O.DIRECTORY | O_NONBLOCK;
        const fd = await at.open(pathBytes(step.path), { flags });
        try {
          return { value: await listed(at, { fd, bytes: step.bytes }) };
        } finally {
          await at.close(fd);
        }
      }
      case "getxattr":
        return { bytes: await at.getxattr(pathBytes(step.path), step) };
      case "setxattr": {
        const request = { ...step, value: bytesOf(step.value) };
        return await done(at.setxattr(pathBytes(step.path), request));
      }
      case "listxattr":
        return { value: (await at.listxattr(pathBytes(step.path), step)).sort().join(" ") };
      case "removexattr":
        return await done(at.removexattr(pathBytes(step.path), step.name));
      case "settle":
        if (this.#isNexus) await settle(at, pathBytes(step.path));
        return NOTHING;
      default:
        return await this.#callOpen(step);
    }
  }

  /** What is done with a descriptor. */
  async #callOpen(
    step: Exclude<Extract<Step, { slot: number }>, { call: "open" }>,
  ): Promise<Outcome> {
    const descriptor = this.slots.get(step.call === "openat" ? step.at : step.slot);
    if (descriptor === undefined) return { error: "no descriptor" };
    const { fd, via } = descriptor;
    const at = this.driver(via);
    switch (step.call) {
      case "openat": {
        const request = { path: step.name, flags: step.flags | O_NONBLOCK, mode: step.mode };
        return await this.#put(step.slot, { fd: await at.openat(fd, request), via });
      }
      case "close":
        this.slots.delete(step.slot);
        return await done(at.close(fd));
      case "fstat":
        return { stat: await at.fstat(fd) };
      case "fsync":
        return await done(at.fsync(fd));
      case "fdatasync":
        return await done(at.fdatasync(fd));
      case "dropCache":
        if (this.#isNexus) libc.posixFadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        return NOTHING;
      case "read":
        return { bytes: await at.read(fd, step.length) };
      case "pread":
        return { bytes: await at.pread(fd, step) };
      case "write":
        return { value: await at.write(fd, bytesOf(step.data)) };
      case "pwrite":
        return {
          value: await at.pwrite(fd, { offset: step.offset, data: bytesOf(step.data) }),
        };
      case "pwritev2":
        return { value: await at.pwritev2(fd, { ...step, data: bytesOf(step.data) }) };
      case "setStatusFlags":
        return await done(at.setStatusFlags(fd, step.flags | O_NONBLOCK));
      case "lseek": {
        const type = (await at.fstat(fd)).mode & S_IFMT;
        if (type === S_IFDIR) return { error: "a directory's position" };
        const { offset, whence } = step;
        if (type === S_IFREG && (whence === "data" || whence === "hole")) {
          return { value: await holes(at, { fd, offset, whence }) };
        }
        return { value: await at.lseek(fd, { offset, whence }) };
      }
      case "ftruncate":
        return await done(at.ftruncate(fd, step.size));
      case "fallocate":
        return await done(at.fallocate(fd, step));
      case "copyFileRange": {
        const to = this.slots.get(step.to);
        if (to === undefined) return { error: "no descriptor" };
        if (to.via !== via) return { error: "two mounts" };
        return { value: await at.copyFileRange(fd, { ...step, to: to.fd }) };
      }
      case "mmap":
        return await this.#mapped(descriptor, step);
      case "fchmod":
        return await done(at.fchmod(fd, step.mode));
      case "futimens":
        return await done(at.futimens(fd, step));
      case "flink":
        return await done(at.flink(fd, pathBytes(step.to)));
      case "flist":
        await at.seekdir(fd, 0n);
        return { value: await listed(at, { fd, bytes: step.bytes }) };
      case "getdents64":
        // Which entries come first is up to the file system.
        await at.getdents64(fd, step.bytes);
        return NOTHING;
      case "fgetxattr":
        return { bytes: await at.fgetxattr(fd, step.name) };
      case "fsetxattr":
        return await done(at.fsetxattr(fd, { ...step, value: bytesOf(step.value) }));
    }
  }

  /** What was open in this place is closed once something else has been opened. */
  async #put(slot: number, descriptor: Descriptor): Promise<Outcome> {
    const before = this.slots.get(slot);
    this.slots.set(slot, descriptor);
    if (before !== undefined) await this.driver(before.via).close(before.fd);
    return NOTHING;
  }

  /** Writes and reads a file in memory. What lies behind its end must not be touched: SIGBUS. */
  async #mapped({ fd, via }: Descriptor, step: Extract<Step, { call: "mmap" }>): Promise<Outcome> {
    const { mode, size } = await this.driver(via).fstat(fd);
    if ((mode & S_IFMT) !== S_IFREG) return { error: "no regular file" };
    const length = Math.min(size, MAPPED_BYTES);
    const mapping = this.#kernel.mmap(fd, { length, shared: step.shared });
    try {
      const offset = step.offset % length;
      mapping.bytes.set(bytesOf(step.data).subarray(0, length - offset), offset);
      mapping.sync();
      return { bytes: Buffer.from(mapping.bytes) };
    } finally {
      mapping.unmap();
    }
  }
}

async function done(call: Promise<unknown>): Promise<Outcome> {
  await call;
  return NOTHING;
}

/** The names and types of an open directory, sorted; and whether seekdir leads back to where it was. */
async function listed(
  driver: PosixDriver,
  { fd, bytes }: { fd: number; bytes: number },
): Promise<string> {
  const all = await rest(driver, { fd, bytes });
  const middle = all.length >> 1;
  const cookie = all[middle - 1]?.cookie;
  if (cookie !== undefined) {
    await driver.seekdir(fd, cookie);
    const names = new Set(all.map(({ name }) => name));
    // Linux goes on with what it has kept, and once in a while a name is in there that is gone: accepted.ts.
    const again = (await rest(driver, { fd, bytes }))
      .map(({ name }) => name)
      .filter((name) => names.has(name));
    const expected = all.slice(middle).map(({ name }) => name);
    if (again.join() !== expected.join()) return `seekdir after ${all[middle - 1]?.name}: ${again}`;
  }
  return all
    .map(({ name, type }) => `${name}:${type}`)
    .sort()
    .join(" ");
}

async function rest(
  driver: PosixDriver,
  { fd, bytes }: { fd: number; bytes: number },
): Promise<DirectoryEntry[]> {
  const all: DirectoryEntry[] = [];
  for (;;) {
    const page = await driver.getdents64(fd, bytes);
    if (page.length === 0) return all;
    all.push(...page);
  }
}
