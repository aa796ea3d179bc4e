import type { MessagePort } from "node:worker_threads";
import type { Carrier, CarrierListener, Frame } from "./carrier.js";
import { Delivery } from "./delivery.js";
import { Departures } from "./departures.js";

/** Taken bytes are told of in portions: well below what makes a carrier full. */
const TOLD_BYTES = 256 * 1024;

/** What goes over a port: a frame, what was taken of those before, or the end. */
type Post = Frame | { readonly taken: number } | { readonly close: string | undefined };

/**
 * A {@link Carrier} between two threads. A port takes everything at once, so the other side tells what it
 * has really taken. It doesn't keep its thread alive.
 */
export class PortCarrier implements Carrier {
  readonly #port: MessagePort;
  readonly #departures = new Departures();
  readonly #delivery = new Delivery({ onTaken: (frame) => this.#tellTaken(frame.length) });
  #untoldBytes = 0;
  #isClosed = false;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on("message", (post: Post) => this.#take(post));
    port.once("close", () => this.#end(undefined));
    port.unref();
  }

  send(frame: Frame): void {
    if (this.#isClosed) return;
    this.#departures.sent(frame.length);
    if (typeof frame === "string") this.#port.postMessage(frame);
    else this.#give(frame);
    if (this.#departures.isTooMuch) this.close("the other side doesn't read");
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
    this.#port.postMessage({ close: reason } satisfies Post);
    this.#end(reason);
  }

  /** Gives the memory away where the frame has it all, so that nothing is copied. */
  #give(frame: Uint8Array): void {
    const ownsAll = frame.byteLength === frame.buffer.byteLength;
    const whole = ownsAll ? frame : Uint8Array.prototype.slice.call(frame);
    const { buffer } = whole;
    this.#port.postMessage(whole, buffer instanceof ArrayBuffer ? [buffer] : []);
  }

  #take(post: Post): void {
    if (typeof post === "string" || post instanceof Uint8Array) this.#delivery.push(post);
    else if ("taken" in post) this.#departures.taken(post.taken);
    else this.#end(post.close);
  }

  #tellTaken(bytes: number): void {
    this.#untoldBytes += bytes;
    if (this.#untoldBytes < TOLD_BYTES || this.#isClosed) return;
    this.#port.postMessage({ taken: this.#untoldBytes } satisfies Post);
    this.#untoldBytes = 0;
  }

  #end(reason: string | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#departures.close();
    this.#delivery.end(reason);
    this.#port.close();
  }
}
