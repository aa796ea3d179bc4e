import { bind, lastErrno } from "./library.js";
import { errnoError } from "./system-error.js";

const libcRead = bind<(fd: number, to: Uint8Array, size: number) => number>(
  "int64_t read(int fd, void *to, size_t size)",
);
const libcWrite = bind<(fd: number, from: Uint8Array, size: number) => number>(
  "int64_t write(int fd, const void *from, size_t size)",
);
const libcPoll = bind<(fds: Int32Array, count: number, timeoutMs: number) => number>(
  "int poll(void *fds, unsigned long count, int timeoutMs)",
);

const libcFcntl = bind<(fd: number, command: number, argument: number) => number>(
  "int fcntl(int fd, int command, int argument)",
);

const libcIoctl = bind<(fd: number, request: number, argument: Uint32Array) => number>(
  "int ioctl(int fd, unsigned long request, void *argument)",
);

/** linux/fuse.h: _IOR(229, 0, uint32_t). */
const FUSE_DEV_IOC_CLONE = 0x8004e500;
const F_GETFL = 3;
const F_DUPFD_CLOEXEC = 1030;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
const POLLIN = 0x001;

/** read(2): the bytes read, or minus the errno. No exception, because EAGAIN is an everyday answer. */
export function read(fd: number, into: Uint8Array): number {
  const count = libcRead(fd, into, into.length);
  return count >= 0 ? count : -lastErrno();
}

/** write(2) of the first `length` bytes: the bytes written, or minus the errno. */
export function write(fd: number, { from, length }: { from: Uint8Array; length: number }): number {
  const count = libcWrite(fd, from, length);
  return count >= 0 ? count : -lastErrno();
}

/**
 * Has an open device `to` lead to the kernel that `from` leads to, from then on. What is read from one is answered by
 * that one, and fails when that one is closed; the connection ends with the last. Errors: those of ioctl(2).
 */
export function cloneDevice({ from, to }: { from: number; to: number }): void {
  if (libcIoctl(to, FUSE_DEV_IOC_CLONE, new Uint32Array([from])) < 0) {
    throw errnoError(lastErrno(), { op: "ioctl" });
  }
}

/** Makes reads answer EAGAIN instead of waiting, fcntl(2). */
export function setNonBlocking(fd: number): void {
  const flags = libcFcntl(fd, F_GETFL, 0);
  if (flags < 0 || libcFcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
    throw errnoError(lastErrno(), { op: "fcntl" });
  }
}

/** Another descriptor of what `fd` has open, which no child inherits. Errors: those of fcntl(2). */
export function duplicate(fd: number): number {
  const copy = libcFcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw errnoError(lastErrno(), { op: "fcntl" });
  return copy;
}

/** As long as an `int` of milliseconds can say; more would be some other number. */
const LONGEST_MS = 2 ** 31 - 1;

/** The set of descriptors that one thread sleeps on: a struct pollfd each, packed as poll(2) has it. */
export class PollSet {
  #fds: number[] = [];
  readonly #quiet = new Set<number>();
  #packed = new Int32Array(0);

  /** A `quiet` one is ready only when there is an error on it, or nobody at its other end. */
  add(fd: number, { quiet = false }: { quiet?: boolean } = {}): void {
    this.#fds.push(fd);
    if (quiet) this.#quiet.add(fd);
    this.#pack();
  }

  remove(fd: number): void {
    this.#fds = this.#fds.filter((other) => other !== fd);
    this.#quiet.delete(fd);
    this.#pack();
  }

  /**
   * Blocks the calling thread until one is readable (or in error) or the time is up, 24 days at most; -1 waits for
   * ever. Returns how many are ready; 0 also when a signal came.
   */
  wait(timeoutMs: number): number {
    return Math.max(0, libcPoll(this.#packed, this.#fds.length, Math.min(timeoutMs, LONGEST_MS)));
  }

  /** Whether the last {@link wait} found something to read, an error or a hang-up on `fd`. */
  isReady(fd: number): boolean {
    const index = this.#fds.indexOf(fd);
    return (this.#packed[index * 2 + 1] ?? 0) >>> 16 !== 0;
  }

  #pack(): void {
    this.#packed = new Int32Array(this.#fds.length * 2);
    this.#fds.forEach((fd, index) => {
      this.#packed[index * 2] = fd;
      // The lower half is events; the upper one, revents, is the kernel's.
      this.#packed[index * 2 + 1] = this.#quiet.has(fd) ? 0 : POLLIN;
    });
  }
}
