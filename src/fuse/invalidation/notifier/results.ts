import { constants } from "node:os";
import { read } from "../../../libc/device.js";
import type { Source } from "../../pump.js";
import type { NotifierEvents } from "./notifier.js";
import { PACKET_BYTES, RESULT_BYTES } from "./notifier-thread.js";

const { EAGAIN, EINTR } = constants.errno;

/** On the fs thread: hears what the kernel has taken. */
export class Results implements Source {
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
    if (count <= 0) return "ended"; // the process is gone, and its end is heard soon
    const results: number[] = [];
    for (let at = 0; at < count; at += RESULT_BYTES) results.push(this.#packet.readInt32LE(at));
    this.#onDone(results);
    return "more";
  }
}
