import { closeSync } from "node:fs";
import { constants } from "node:os";
import { Worker, workerData } from "node:worker_threads";
import { read, write } from "../../../libc/device.js";
import { Pump, type Source } from "../../pump.js";

// This file is both ends of a thread of the notifier process: imported, it starts one; run as one, it notifies
// a kernel.
//
// A program can keep the lock that a notification waits for as long as it likes, so each mount has a thread of its
// own, and none can hold up another mount's. It sleeps on a socket, which costs a third of what a message
// between Node's threads does.

const { EAGAIN, EINTR } = constants.errno;

/** Names have 255 bytes; a few notifications that belong together are far below this. */
export const PACKET_BYTES = 4096;
/** An int32 for each notification of a packet. */
export const RESULT_BYTES = 4;

interface ThreadData {
  readonly device: number;
  readonly socket: number;
}

/**
 * Starts a thread that passes on to a device what comes from a socket, until that ends, and closes the socket. Calls
 * `onEnd` when it has ended, then or by an error.
 */
export function startNotifierThread(thread: ThreadData, onEnd: (error?: Error) => void): void {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { notifier: thread },
    // The socket is opened by one thread, and closed by another.
    trackUnmanagedFds: false,
  });
  let failure: Error | undefined;
  worker.on("error", (error: Error) => {
    failure = error;
  });
  worker.on("exit", () => onEnd(failure));
}

/** On the thread: passes packets on to the kernel, each notification by itself. */
class Packets implements Source {
  readonly fd: number;
  readonly isWaiting = false;
  readonly #device: number;
  readonly #packet = Buffer.alloc(PACKET_BYTES);
  readonly #results = Buffer.alloc(PACKET_BYTES);
  readonly #onEnd: () => void;

  constructor({ device, socket }: ThreadData, onEnd: () => void) {
    this.#onEnd = onEnd;
    this.fd = socket;
    this.#device = device;
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
      const notification = this.#packet.subarray(at, at + length);
      const result = write(this.#device, { from: notification, length });
      resultBytes = this.#results.writeInt32LE(Math.min(0, result), resultBytes);
      at += length;
    }
    write(this.fd, { from: this.#results, length: resultBytes });
    return "more";
  }
}

const data = (workerData as { notifier?: ThreadData } | null)?.notifier;
if (data !== undefined) {
  const pump = new Pump();
  pump.add(new Packets(data, () => pump.stop()));
  await pump.run();
  closeSync(data.socket);
}
