import type {
  Notifier,
  NotifierEvents,
  StartNotifier,
} from "../../../src/fuse/invalidation/notifier/notifier.js";
import { NOTIFY } from "../../../src/fuse/protocol/constants.js";
import type { NexusError } from "../../../src/model/errors.js";
import { decode, sizeOf } from "../wire/c-struct.js";

/** A notification as the kernel reads it. */
export type Heard =
  | { readonly forgets: "entry"; readonly parent: number; readonly name: string }
  | { readonly forgets: "inode"; readonly ino: number; readonly off: number; readonly len: number }
  | { readonly stores: string; readonly ino: number; readonly at: number };

/** Stands in for the thread: what was sent is taken when the test says so. */
export class FakeNotifier implements Notifier {
  /** What was handed over, each with what belongs together. */
  readonly packets: Heard[][] = [];
  isFull = false;
  isClosed = false;
  #taken = 0;
  readonly #events: NotifierEvents;

  constructor(events: NotifierEvents) {
    this.#events = events;
  }

  send(notifications: readonly Buffer[]): boolean {
    if (this.isFull) return false;
    this.packets.push(notifications.map(heard));
    return true;
  }

  close(): void {
    this.isClosed = true;
  }

  /** The kernel takes the next packets. */
  take(packets = 1, errno = 0): void {
    for (let left = packets; left > 0; left--) {
      const packet = this.packets[this.#taken++];
      if (packet === undefined) throw new Error("nothing was sent");
      this.#events.onDone(packet.map(() => 0 - errno));
    }
  }

  takeAll(): void {
    while (this.#taken < this.packets.length) this.take();
  }

  /** Whoever had them is gone, with those that the kernel hasn't taken. */
  lose(): void {
    this.#taken = this.packets.length;
    this.#events.onLost();
  }

  fail(error: NexusError): void {
    this.#events.onFailure(error);
  }
}

/** Starts fake ones, and keeps them. */
export function fakeNotifiers(): { start: StartNotifier; started: FakeNotifier[] } {
  const started: FakeNotifier[] = [];
  const start: StartNotifier = (_fd, events) => {
    const notifier = new FakeNotifier(events);
    started.push(notifier);
    return notifier;
  };
  return { start, started };
}

function heard(notification: Buffer): Heard {
  const { len, error, unique } = decode("out_header", notification);
  if (len !== notification.length || unique !== 0) throw new Error("not a notification");
  const body = notification.subarray(sizeOf("out_header"));
  switch (error) {
    case NOTIFY.INVAL_ENTRY: {
      const { parent, namelen, flags } = decode("notify_inval_entry_out", body);
      const name = body.subarray(sizeOf("notify_inval_entry_out"));
      if (flags !== 0 || name.length !== namelen + 1 || name.at(-1) !== 0) throw new Error("name");
      return { forgets: "entry", parent, name: name.toString("utf8", 0, namelen) };
    }
    case NOTIFY.INVAL_INODE:
      return { forgets: "inode", ...decode("notify_inval_inode_out", body) };
    case NOTIFY.STORE: {
      const { nodeid, offset, size } = decode("notify_store_out", body);
      const data = body.subarray(sizeOf("notify_store_out"));
      if (data.length !== size) throw new Error("size");
      return { stores: data.toString("latin1"), ino: nodeid, at: offset };
    }
    default:
      throw new Error(`a notification with the code ${error}`);
  }
}
