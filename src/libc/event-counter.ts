import { read, write } from "./device.js";
import { bind, lastErrno } from "./library.js";
import { errnoError } from "./system-error.js";

const libcEventfd = bind<(initial: number, flags: number) => number>(
  "int eventfd(unsigned int initial, int flags)",
);

const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;

const ONE = new Uint8Array(BigUint64Array.of(1n).buffer);
const COUNT = new Uint8Array(8);

/**
 * A new eventfd(2): readable, for whoever sleeps in poll(2), from when another thread has raised it until it is
 * cleared. Errors: those of eventfd(2).
 */
export function openEventCounter(): number {
  const fd = libcEventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) throw errnoError(lastErrno(), { op: "eventfd" });
  return fd;
}

/** Makes it readable. The descriptor has to be open still: nothing is told of one that isn't. */
export function raiseEvent(fd: number): void {
  write(fd, { from: ONE, length: ONE.length });
}

/** What is raised from now on makes it readable again. */
export function clearEvent(fd: number): void {
  read(fd, COUNT);
}
