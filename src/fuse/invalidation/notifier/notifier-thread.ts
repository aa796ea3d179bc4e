import { closeSync } from "node:fs";
import { constants } from "node:os";
import { Worker, workerData } from "node:worker_threads";
import { read, setNonBlocking, write } from "../../libc/device.js";
import { messageSocketPair } from "../../libc/sockets.js";
import { errnoError } from "../../libc/system-error.js";
import { NexusError } from "../../model/errors.js";
import { Pump, type Source } from "../pump.js";
import type { Notifier, NotifierEvents } from "./notifier.js";

// This file is both ends of a thread: imported, it starts one; run as one, it notifies a kernel.
//
// A notification can block while the kernel holds a directory's lock for a request that waits for the fs
// thread, so it is never sent from there; and since a program can hold such a lock for long, each mount has a
// thread of its own, and none can hold up another mount's. Both ends sleep on a socket, which costs a
// third of what a message between Node's threads does.

const { EAGAIN, ECONNABORTED, EINTR } = constants.errno;

/** Names have 255 bytes; a few notifications that belong together are far below this. */
const PACKET_BYTES = 4096;
const RESULT_BYTES = 4;

interface ThreadData {
  readonly device: number;
  readonly socket: number;
  /** Not 0 once the device may be closed, and its number another file's. */
  readonly isClosed: Int32Array;
}

/** Starts a thread that notifies the kernel at the other end of a device. `pump` is this thread's. */
export function startNotifierThread(
  pump: Pump,
  { device, events }: { device: number; events: NotifierEvents },
): Notifier {
  const [own, socket] = messageSocketPair();
  const isClosed = new Int32Array(new SharedArrayBuffer(4));
  const thread: ThreadData = { device, socket, isClosed };
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { notifier: thread },
    // The sockets are opened by one thread, and one of them is closed by another.
    trackUnmanagedFds: false,
  });
  worker.unref();
  let hasEnded = false;
  const end = () => {
    hasEnded = true;
    Atomics.store(isClosed, 0, 1);
    pump.remove(results);
    // The thread reads the end of the socket, and ends.
    closeSync(own);
  };
  const fail = (error: Error) => {
    if (!hasEnded) events.onFailure(error);
  };
  worker.on("error", fail);
  worker.on("exit", () => fail(new NexusError("internal", "a notifier thread has ended")));
  setNonBlocking(own);
  const results = new Results(own, events);
  pump.add(results);
  return {
    send: (notifications) => sendPacket(own, { notifications, fail }),
    close: () => {
      if (!hasEnded) end();
    },
  };
}

/** False when the socket is full. */
function sendPacket(
  socket: number,
  { notifications, fail }: { notifications: readonly Buffer[]; fail: (error: Error) => void },
): boolean {
  const packet = Buffer.concat(notifications);
  const written = write(socket, { from: packet, length: packet.length });
  if (written === -EAGAIN) return false;
  if (written < 0) fail(errnoError(-written, { op: "notify" }));
  return true;
}

/** On the fs thread: hears what the kernel has taken. */
class Results implements Source {
  readonly fd: number;
  readonly isWaiting = false;
  readonly #packet = Buffer.alloc(PACKET_BYTES);
  readonly #onDone: NotifierEvents["onDone"];

  constructor(fd: number, { onDone }: NotifierEvents) {
    this.fd = fd;
    this.#onDone = onDone;
  }

  receive(): "more" | "ended" {
    const count = read(this.fd, this.#packet);
    if (count === -EAGAIN || count === -EINTR) return "more";
    if (count <= 0) return "ended"; // the worker's own end tells of it
    const results: number[] = [];
    for (let at = 0; at < count; at += RESULT_BYTES) results.push(this.#packet.readInt32LE(at));
    this.#onDone(results);
    return "more";
  }
}

/** On the thread: passes packets on to the kernel, each notification by itself. */
class Packets implements Source {
  readonly fd: number;
  readonly isWaiting = false;
  readonly #device: number;
  readonly #isClosed: Int32Array;
  readonly #packet = Buffer.alloc(PACKET_BYTES);
  readonly #results = Buffer.alloc(PACKET_BYTES);
  readonly #onEnd: () => void;

  constructor({ device, socket, isClosed }: ThreadData, onEnd: () => void) {
    this.#onEnd = onEnd;
    this.fd = socket;
    this.#device = device;
    this.#isClosed = isClosed;
  }

  receive(): "more" | "ended" {
    const count = read(this.fd, this.#packet);
    if (count === -EAGAIN || count === -EINTR) return "more";
    if (count <= 0) {
      this.#onEnd();
      return "ended";
    }
    let resultBytes = 0;
    for (let at = 0; at < count; ) {
      const length = this.#packet.readUInt32LE(at);
      const result = this.#notify(this.#packet.subarray(at, at + length));
      resultBytes = this.#results.writeInt32LE(Math.min(0, result), resultBytes);
      at += length;
    }
    write(this.fd, { from: this.#results, length: resultBytes });
    return "more";
  }

  #notify(notification: Buffer): number {
    if (Atomics.load(this.#isClosed, 0) !== 0) return -ECONNABORTED;
    return write(this.#device, { from: notification, length: notification.length });
  }
}

const data = (workerData as { notifier?: ThreadData } | null)?.notifier;
if (data !== undefined) {
  const pump = new Pump();
  pump.add(new Packets(data, () => pump.stop()));
  await pump.run();
  closeSync(data.socket);
}
