import { constants } from "node:os";
import { receiveMessage, sendMessage } from "../../../libc/sockets.js";
import type { Source } from "../../pump.js";

// What the daemon tells the notifier process, over a socket that keeps messages apart: the number of a mount (4
// bytes), and with it, the first time, the socket on which its notifications come and the device that they go to.
// The same number without them says that the mount is over.

const { EAGAIN, EINTR } = constants.errno;
const NUMBER_BYTES = 4;

export interface MountOpened {
  readonly mount: number;
  readonly socket: number;
  readonly device: number;
}

/** Errors: `io-failure` when the process is gone. */
export function tellOpened(control: number, { mount, socket, device }: MountOpened): void {
  sendMessage(control, { bytes: numberOf(mount), descriptors: [socket, device] });
}

/** The same. */
export function tellClosed(control: number, mount: number): void {
  sendMessage(control, { bytes: numberOf(mount), descriptors: [] });
}

export interface ControlEvents {
  readonly onOpened: (opened: MountOpened) => void;
  readonly onClosed: (mount: number) => void;
  /** The daemon has ended, or was killed. */
  readonly onEnd: () => void;
}

/** On the pump of the process: hears what the daemon tells. */
export class Control implements Source {
  readonly fd: number;
  readonly isWaiting = false;
  readonly #events: ControlEvents;
  readonly #number = Buffer.alloc(NUMBER_BYTES);

  constructor(fd: number, events: ControlEvents) {
    this.fd = fd;
    this.#events = events;
  }

  receive(): "more" | "ended" {
    const { count, descriptors } = receiveMessage(this.fd, this.#number);
    if (count === -EAGAIN || count === -EINTR) return "more";
    if (count <= 0) {
      this.#events.onEnd();
      return "ended";
    }
    const mount = this.#number.readUInt32LE();
    const [socket, device] = descriptors;
    if (socket === undefined || device === undefined) this.#events.onClosed(mount);
    else this.#events.onOpened({ mount, socket, device });
    return "more";
  }
}

function numberOf(mount: number): Buffer {
  const bytes = Buffer.alloc(NUMBER_BYTES);
  bytes.writeUInt32LE(mount);
  return bytes;
}
