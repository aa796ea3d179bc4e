import type { RawData, WebSocket } from "ws";
import type { Carrier, CarrierListener, Frame } from "./carrier.js";
import { Delivery } from "./delivery.js";
import { Departures } from "./departures.js";
import { CHUNK_BYTES, MOST_REQUEST_CHARACTERS, MOST_RESULT_CHARACTERS } from "./limits.js";

/** Where a WebSocket is opened. */
export const RPC_PATH = "/rpc";

/** What both ends of the socket are made with. */
const OPTIONS = {
  // Both ends are on one machine: that would only cost time.
  perMessageDeflate: false,
  // Parsing finds what isn't UTF-8 anyway, as text that makes no sense.
  skipUTF8Validation: false,
  // How long to wait for the other side's goodbye, in milliseconds: one that is stopped says none.
  closeTimeout: 2000,
} as const;
/** A character of UTF-16 has so many bytes of UTF-8 at most. */
const CHARACTER_BYTES = 3;

/** What the end of a caller is made with, which takes results; and that of who serves, which takes requests. */
export const CALLER_SOCKET_OPTIONS = {
  ...OPTIONS,
  maxPayload: CHARACTER_BYTES * MOST_RESULT_CHARACTERS + CHUNK_BYTES,
} as const;
export const SERVER_SOCKET_OPTIONS = {
  ...OPTIONS,
  maxPayload: CHARACTER_BYTES * MOST_REQUEST_CHARACTERS + CHUNK_BYTES,
} as const;

/** RFC 6455, section 7.4.1. */
const NORMAL = 1000;
const POLICY = 1008;
/** The reason of a close frame, RFC 6455, section 5.5: 125 bytes with the code. */
const MOST_REASON_BYTES = 123;

/** A {@link Carrier} on a WebSocket that is open. */
export class WebSocketCarrier implements Carrier {
  readonly #socket: WebSocket;
  readonly #departures = new Departures();
  readonly #delivery: Delivery;
  #failure: string | undefined;
  #isClosed = false;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#delivery = new Delivery({
      onFlow: (isFlowing) => {
        if (socket.readyState !== socket.OPEN) return;
        if (isFlowing) socket.resume();
        else socket.pause();
      },
    });
    socket.on("message", (data, isBinary) => this.#delivery.push(frameOf(data, isBinary)));
    // The end follows.
    socket.on("error", ({ message }) => {
      this.#failure = message;
    });
    socket.once("close", (_, reason) => this.#end(reason.toString() || this.#failure));
  }

  send(frame: Frame): void {
    if (this.#isClosed) return;
    const { length } = frame;
    this.#departures.sent(length);
    this.#socket.send(frame, () => this.#departures.taken(length));
    if (this.#departures.isTooMuch) this.#socket.terminate();
  }

  get isFull(): boolean {
    return this.#departures.isFull;
  }

  drained(): Promise<void> {
    return this.#departures.drained();
  }

  listen(listener: CarrierListener): void {
    this.#delivery.listen(listener);
  }

  close(reason?: string): void {
    if (this.#isClosed) return;
    this.#socket.close(reason === undefined ? NORMAL : POLICY, cutReason(reason ?? ""));
    // One that is paused would never read that the other side has closed, too.
    this.#socket.resume();
    this.#end(reason);
  }

  #end(reason: string | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#departures.close();
    this.#delivery.end(reason);
  }
}

function frameOf(data: RawData, isBinary: boolean): Frame {
  const bytes = Array.isArray(data)
    ? Buffer.concat(data)
    : Buffer.isBuffer(data)
      ? data
      : Buffer.from(data);
  return isBinary ? bytes : bytes.toString("utf8");
}

function cutReason(reason: string): Buffer {
  const bytes = Buffer.from(reason);
  if (bytes.length <= MOST_REASON_BYTES) return bytes;
  // Up to a whole character.
  let end = MOST_REASON_BYTES;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
}
