import { constants } from "node:os";

// Stands in for libc/device.ts (see fake-kernel.ts): a FUSE device in memory, on which a test is the
// kernel. Reads and writes take and give whole messages, as the real one does.

const { EAGAIN } = constants.errno;

const DEVICES = new Map<number, FakeDevice>();

export class FakeDevice {
  static #lastFd = 1_000_000;
  readonly fd = ++FakeDevice.#lastFd;
  /** Requests that nobody has read yet; a number is minus the errno that the read answers. */
  readonly requests: (Buffer | number)[] = [];
  readonly answers: Buffer[] = [];
  /** With which errno the next answers are refused; undefined takes them. */
  refuses: number | undefined;

  constructor() {
    DEVICES.set(this.fd, this);
  }

  close(): void {
    DEVICES.delete(this.fd);
  }
}

export function read(fd: number, into: Uint8Array): number {
  const next = deviceOf(fd).requests.shift() ?? -EAGAIN;
  if (typeof next === "number") return next;
  into.set(next);
  return next.length;
}

export function write(fd: number, { from, length }: { from: Uint8Array; length: number }): number {
  const device = deviceOf(fd);
  if (device.refuses !== undefined) return -device.refuses;
  device.answers.push(Buffer.from(from.subarray(0, length)));
  return length;
}

function deviceOf(fd: number): FakeDevice {
  const device = DEVICES.get(fd);
  if (device === undefined) throw new Error(`no fake device ${fd}`);
  return device;
}
