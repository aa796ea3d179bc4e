import { messageOf, NexusError } from "../model/errors.js";
import type { Carrier, Frame } from "./carrier.js";
import {
  CREDIT,
  ITEMS,
  type Message,
  type Params,
  PROGRESS,
  parseBytes,
  parseMessage,
  type RequestId,
} from "./message.js";
import { type CallOptions, PendingCall } from "./pending-call.js";

/** The side of a connection that asks: any number of requests at once. */
export class RpcCaller {
  readonly #carrier: Carrier;
  readonly #peer: string;
  readonly #pending = new Map<RequestId, PendingCall>();
  #lastId = 0;
  #lost: string | undefined;

  /** `peer` says in messages who answers: `the daemon of /data`. */
  constructor({ carrier, peer }: { readonly carrier: Carrier; readonly peer: string }) {
    this.#carrier = carrier;
    this.#peer = peer;
    // It always reads: what comes is bounded by what was asked for.
    carrier.listen({
      onFrame: (frame) => {
        this.#take(frame);
        return undefined;
      },
      onClose: (reason) => this.#lose(reason),
    });
  }

  /**
   * Sends a request. Errors, at once: `io-failure` when the connection is lost, `invalid-argument` for
   * arguments that can't be sent.
   */
  call(options: CallOptions): PendingCall {
    if (this.#lost !== undefined) {
      throw new NexusError("io-failure", `${this.#lost}; nothing was done, connect again`);
    }
    const id = this.#lastId + 1;
    const call = new PendingCall({ ...options, id, carrier: this.#carrier });
    this.#lastId = id;
    this.#pending.set(id, call);
    return call;
  }

  /** Whether the connection is lost, or was closed: nothing can be asked on it any more. */
  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** What is under way fails; who closes waits for it before. */
  close(): void {
    this.#carrier.close();
  }

  #take(frame: Frame): void {
    try {
      if (typeof frame === "string") this.#takeMessage(parseMessage(frame, "server"));
      else this.#takeBytes(frame);
    } catch (error) {
      this.#carrier.close(`what the other side sent makes no sense: ${messageOf(error)}`);
    }
  }

  #takeMessage(message: Message): void {
    if (message.type === "notification") {
      const call = this.#callOf(message.params);
      if (call !== undefined) notify(call, message);
      return;
    }
    if (message.type === "request") throw malformed("a request");
    const call = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    call?.end(message.type === "result" ? { result: message.result } : { error: message.error });
  }

  #takeBytes(frame: Uint8Array): void {
    const piece = parseBytes(frame);
    if (piece === undefined) throw malformed("a binary frame without an id");
    this.#pending.get(piece.id)?.bytes.push(piece.bytes);
  }

  #callOf({ id }: Params): PendingCall | undefined {
    return typeof id === "number" ? this.#pending.get(id) : undefined;
  }

  #lose(reason: string | undefined): void {
    this.#lost = `the connection to ${this.#peer} is lost${reason ? ` (${reason})` : ""}`;
    const calls = [...this.#pending.values()];
    this.#pending.clear();
    for (const call of calls) call.end({ lost: this.#lost });
  }
}

function notify(call: PendingCall, { method, params }: { method: string; params: Params }): void {
  const { bytes, items, value } = params;
  if (method === PROGRESS) call.progress(value);
  else if (method === CREDIT && typeof bytes === "number") call.grant(bytes);
  else if (method === ITEMS && Array.isArray(items)) call.items.push(items);
  else throw malformed(`the notification '${method}'`);
}

function malformed(what: string): NexusError {
  return new NexusError("invalid-argument", `${what} is no answer`);
}
