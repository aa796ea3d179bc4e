import { constants } from "node:os";
import { receiveMessage, sendMessage } from "../../../libc/sockets.js";
import type { Source } from "../../pump.js";

// What the daemon tells the notifier process, over a socket that keeps messages apart: the number of a mount and
// what is said of it (4 bytes each). With OPENED come the socket on which its notifications come, and the device
// that they go to.

const { EAGAIN, EINTR } = constants.errno;
const MESSAGE_BYTES = 8;
const [OPENED, CLOSED] = [1, 2];

export interface MountOpened {
  readonly mount: number;
  readonly socket: number;
  readonly device: number;
}

/** Errors: `io-failure` when the process is gone. */
export function tellOpened(control: number, { mount, socket, device }: MountOpened): void {
  sendMessage(control, { bytes: message(mount, OPENED), descriptors: [socket, device] });
}

/** The same. */
export function tellClosed(control: number, mount: number): void {
  sendMessage(control, { bytes: message(mount, CLOSED), descriptors: [] });
}

export interface ControlEvents {
  readonly onOpened: (opened: MountOpened) => void;
  readonly onClosed: (mount: number) => void;
  /** A message came without its descriptors: this process can't have more. */
  readonly onCut: () => void;
  /** The daemon has ended, or was killed. */
  readonly onEnd: () => void;
}

/** On the pump of the process: hears what the daemon tells. */
export class Control implements Source {
  readonly fd: number;
  readonly isWaiting = false;
  readonly #events: ControlEvents;
  readonly #message = Buffer.alloc(MESSAGE_BYTES);

  constructor(fd: number, events: ControlEvents) {
    this.fd = fd;
    this.#events = events;
  }

  receive(): "more" | "ended" {
    const { count, descriptors } = receiveMessage(this.fd, this.#message);
    if (count === -EAGAIN || count === -EINTR) return "more";
    if (count <= 0) {
      this.#events.onEnd();
      return "ended";
    }
    const mount = this.#message.readUInt32LE();
    const [socket, device] = descriptors;
    if (this.#message.readUInt32LE(4) === CLOSED) this.#events.onClosed(mount);
    else if (socket === undefined || device === undefined) this.#events.onCut();
    else this.#events.onOpened({ mount, socket, device });
    return "more";
  }
}

function message(mount: number, what: number): Buffer {
  const bytes = Buffer.alloc(MESSAGE_BYTES);
  bytes.writeUInt32LE(mount);
  bytes.writeUInt32LE(what, 4);
  return bytes;
}
