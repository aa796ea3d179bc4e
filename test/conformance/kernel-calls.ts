import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import koffi from "koffi";
import { bind, lastErrno } from "../../src/libc/library.js";
import { errnoCode, PosixError } from "./posix-driver.js";
import { actAs, type Credentials } from "./thread-credentials.js";

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MS_SYNC = 4;

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_SYMLINK_FOLLOW = 0x400;

/** fcntl(2) commands and lock types, of 64-bit Linux. */
const F_GETLK = 5;
const F_SETLK = 6;
const F_OFD_SETLK = 37;
const LOCK_TYPES = ["read", "write", "unlock"] as const;

const LOCK_HOLDER = fileURLToPath(new URL("lock-holder.mjs", import.meta.url));

const libcMmap = bind<
  (
    at: null,
    length: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ) => unknown
>("void *mmap(void *at, size_t length, int protection, int flags, int fd, int64_t offset)");
const libcMsync = bind<(at: unknown, length: number, flags: number) => number>(
  "int msync(void *at, size_t length, int flags)",
);
const libcMunmap = bind<(at: unknown, length: number) => number>(
  "int munmap(void *at, size_t length)",
);
const libcFlock = bind<(fd: number, operation: number) => number>(
  "int flock(int fd, int operation)",
);
const libcFcntl = bind<(fd: number, command: number, lock: Uint8Array) => number>(
  "int fcntl(int fd, int command, void *lock)",
);
const libcLinkat = bind<
  (at: number, from: string, toAt: number, to: string, flags: number) => number
>("int linkat(int at, const char *from, int toAt, const char *to, int flags)");
const libcFchmodat = bind<(at: number, path: string, mode: number, flags: number) => number>(
  "int fchmodat(int at, const char *path, uint32_t mode, int flags)",
);

/** What a Python program of a case has at hand. `code` tells how a call ended: its errno, or `success`. */
const PYTHON_PRELUDE = `
import ctypes, errno, fcntl, mmap, os, resource, signal, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def code(call, *args):
    try:
        call(*args)
        return 'success'
    except OSError as error:
        return errno.errorcode[error.errno]
def child(work):
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try: work()
        finally: sys.stdout.flush(); os._exit(0)
    return pid
`;

export type LockType = (typeof LOCK_TYPES)[number];

/** A lock of fcntl(2) on a range; `length` 0 reaches to the end of the file. */
export interface RecordLock {
  readonly type: LockType;
  readonly offset: number;
  readonly length: number;
}

/** What only a real kernel does, on the directory `root`. */
export class KernelCalls {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Maps the first `length` bytes of a file, for writing too unless it says otherwise; unmap it. */
  mmap(
    fd: number,
    { length, shared, writes = true }: { length: number; shared: boolean; writes?: boolean },
  ): Mapping {
    const flags = shared ? MAP_SHARED : MAP_PRIVATE;
    const protection = writes ? PROT_READ | PROT_WRITE : PROT_READ;
    const at = libcMmap(null, length, protection, flags, fd, 0);
    if (koffi.address(at) === 2n ** 64n - 1n) throw new PosixError("mmap", errnoCode(lastErrno()));
    return new Mapping(at, length);
  }

  /** flock(2) without waiting. */
  async flock(fd: number, type: LockType): Promise<void> {
    const operation = { read: 1, write: 2, unlock: 8 }[type];
    check("flock", libcFlock(fd, operation | 4));
  }

  /** fcntl(2), F_SETLK. */
  async setLock(fd: number, lock: RecordLock): Promise<void> {
    check("fcntl", libcFcntl(fd, F_SETLK, recordLock(lock)));
  }

  /** F_OFD_SETLK: the lock is the open file description's, not the process's. */
  async setDescriptionLock(fd: number, lock: RecordLock): Promise<void> {
    check("fcntl", libcFcntl(fd, F_OFD_SETLK, recordLock(lock)));
  }

  /** F_GETLK: the lock that is in the way and the process that has it, or undefined. */
  async getLock(fd: number, lock: RecordLock): Promise<(RecordLock & { pid: number }) | undefined> {
    const found = recordLock(lock);
    check("fcntl", libcFcntl(fd, F_GETLK, found));
    const type = LOCK_TYPES[found.readInt16LE(0)] ?? "unlock";
    if (type === "unlock") return undefined;
    const [offset, length] = [Number(found.readBigInt64LE(8)), Number(found.readBigInt64LE(16))];
    return { type, offset, length, pid: found.readInt32LE(24) };
  }

  /** Another process that takes a lock, and keeps it until it is told to end. */
  async lockElsewhere(
    path: string,
    request: { by: "flock"; type: LockType } | ({ by: "fcntl" } & RecordLock),
  ): Promise<LockHolder> {
    const child = spawn(
      process.execPath,
      [LOCK_HOLDER, this.pathOf(path), JSON.stringify(request)],
      {
        stdio: ["pipe", "pipe", "inherit"],
      },
    );
    const holder = new LockHolder(child);
    await holder.start();
    return holder;
  }

  /** linkat(2) with AT_SYMLINK_FOLLOW. */
  async linkFollowing(from: string, to: string): Promise<void> {
    const [existing, name] = [this.pathOf(from), this.pathOf(to)];
    check("linkat", libcLinkat(AT_FDCWD, existing, AT_FDCWD, name, AT_SYMLINK_FOLLOW));
  }

  /** fchmodat(2) with AT_SYMLINK_NOFOLLOW. */
  async lchmod(path: string, mode: number): Promise<void> {
    check("fchmodat", libcFchmodat(AT_FDCWD, this.pathOf(path), mode, AT_SYMLINK_NOFOLLOW));
  }

  /** Runs a program and returns what it printed. */
  run(command: string, args: readonly string[]): string {
    return execFileSync(command, args, { cwd: this.root, encoding: "utf8" });
  }

  /** Runs a few lines of Python in a process of their own, and returns the lines that it printed. */
  python(script: string): string[] {
    const printed = execFileSync("python3", ["-c", PYTHON_PRELUDE + unindented(script)], {
      cwd: this.root,
      encoding: "utf8",
      env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
    });
    return printed.split("\n").slice(0, -1);
  }

  /** Does something as another user; only root can. */
  async as<T>(user: Credentials, work: () => Promise<T>): Promise<T> {
    return await actAs(user, work);
  }

  pathOf(path: string): string {
    return `${this.root}/${path}`;
  }
}

/** A part of a file in memory. */
export class Mapping {
  readonly bytes: Uint8Array;
  readonly #at: unknown;

  constructor(at: unknown, length: number) {
    this.#at = at;
    this.bytes = new Uint8Array(koffi.view(at, length));
  }

  /** msync(2): what was changed is in the file afterwards. */
  sync(): void {
    check("msync", libcMsync(this.#at, this.bytes.length, MS_SYNC));
  }

  /** Nobody may look at the bytes any more. */
  unmap(): void {
    check("munmap", libcMunmap(this.#at, this.bytes.length));
  }
}

/** A child process with a lock, or without one if it couldn't get it. */
export class LockHolder {
  readonly #child: ChildProcess;
  #answer = "";

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** `held`, or the errno that it got. */
  get answer(): string {
    return this.#answer;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  async start(): Promise<void> {
    if (this.#child.stdout === null) throw new Error("the child has no output");
    for await (const line of createInterface(this.#child.stdout)) {
      this.#answer = line;
      return;
    }
    throw new Error("the lock holder ended without a word");
  }

  /** Lets it end, and so give up its lock. */
  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin?.end();
    await ended;
  }
}

/** struct flock of 64-bit Linux: type, whence, start, length, pid. */
function recordLock({ type, offset, length }: RecordLock): Buffer {
  const lock = Buffer.alloc(32);
  lock.writeInt16LE(LOCK_TYPES.indexOf(type), 0);
  lock.writeBigInt64LE(BigInt(offset), 8);
  lock.writeBigInt64LE(BigInt(length), 16);
  return lock;
}

/** Without what all of its lines are indented by. */
function unindented(script: string): string {
  const lines = script.split("\n").filter((line) => line.trim() !== "");
  const indent = Math.min(...lines.map((line) => line.search(/\S/)));
  return lines.map((line) => line.slice(indent)).join("\n");
}

function check(call: string, result: number): void {
  if (result < 0) throw new PosixError(call, errnoCode(lastErrno()));
}
