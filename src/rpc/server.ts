import { messageOf, NexusError } from "../model/errors.js";
import type { Carrier, Frame } from "./carrier.js";
import { MOST_HELD_CHARACTERS, MOST_REQUESTS } from "./limits.js";
import {
  CANCEL,
  CREDIT,
  END,
  idOf,
  type Message,
  messageFrame,
  parseBytes,
  parseMessage,
  type RequestId,
} from "./message.js";
import {
  ERROR_CODES,
  type ErrorMessage,
  errorFrom,
  errorMessage,
  ProtocolError,
} from "./remote-error.js";
import { ServedCall, UploadFailure } from "./served-call.js";
import { Turns } from "./turns.js";
import { WholeResults } from "./whole-results.js";

/** Serves one method; what it returns is the result. */
export type Method = (call: ServedCall) => Promise<unknown>;

/** How a side that answers leaves. */
export interface Leaving {
  /** In words, for the other side. */
  readonly reason: string;
  /** Whether a request only waits for something to happen: it is ended rather than waited for. */
  readonly onlyWaits: (call: ServedCall) => boolean;
}

export interface RpcServerOptions {
  readonly carrier: Carrier;
  /** The method of a name; undefined when there is none. */
  readonly methodOf: (name: string) => Method | undefined;
  /** Told of what is no {@link NexusError}: somebody has made a mistake. */
  readonly onUnexpected: (error: unknown, method: string) => void;
}

/**
 * The side of a connection that answers. Whatever comes, it answers with an error, or closes the
 * connection where that makes no sense. When the connection is lost, everything that runs is aborted.
 */
export class RpcServer {
  readonly #options: RpcServerOptions;
  readonly #carrier: Carrier;
  readonly #calls = new Map<RequestId, ServedCall>();
  readonly #running = new Set<Promise<void>>();
  readonly #turns = new Turns();
  readonly #wholes = new WholeResults(this.#turns);
  /** Of the messages of all requests under way, whose parameters are kept. */
  #characters = 0;
  #leaving: Leaving | undefined;
  /** Resolves when the connection is closed and nothing of it runs any more. */
  readonly closed: Promise<void>;

  constructor(options: RpcServerOptions) {
    this.#options = options;
    this.#carrier = options.carrier;
    this.closed = new Promise((resolve) => {
      this.#carrier.listen({
        onFrame: (frame) => this.#take(frame),
        onClose: () => {
          void this.#end().then(resolve);
        },
      });
    });
  }

  /** How many requests are under way. */
  get underWay(): number {
    return this.#running.size;
  }

  /** Ends the connection; {@link closed} tells when nothing runs any more. */
  close(reason?: string): void {
    this.#carrier.close(reason);
  }

  /** Closes the connection as soon as nothing is under way; until then new requests are served, too. */
  async leave(leaving: Leaving): Promise<void> {
    this.#leaving = leaving;
    for (const call of this.#calls.values()) this.#endIfWaiting(call);
    while (this.#running.size > 0) await Promise.all(this.#running);
    this.close(leaving.reason);
  }

  #endIfWaiting(call: ServedCall): void {
    if (this.#leaving?.onlyWaits(call) !== true) return;
    call.cancel(new NexusError("io-failure", this.#leaving.reason));
  }

  /** Who doesn't read what he asked for isn't listened to either. */
  #take(frame: Frame): Promise<void> | undefined {
    try {
      if (typeof frame === "string") this.#takeMessage(parseMessage(frame, "caller"), frame.length);
      else this.#takeBytes(frame);
    } catch (error) {
      if (typeof frame === "string" && error instanceof ProtocolError) {
        this.#answer({ id: idOf(frame, "caller"), error: errorMessage(error) });
      } else {
        this.close(messageOf(error));
      }
    }
    return this.#carrier.isFull ? this.#carrier.drained() : undefined;
  }

  #takeMessage(message: Message, characters: number): void {
    switch (message.type) {
      case "request":
        this.#begin(message, characters);
        return;
      case "notification":
        this.#notice(message);
        return;
      case "result":
      case "error":
        throw new NexusError("invalid-argument", "this side has asked nothing");
    }
  }

  #begin(message: Extract<Message, { type: "request" }>, characters: number): void {
    const { id, method: name, params } = message;
    if (this.#calls.has(id)) {
      throw new NexusError("invalid-argument", `the id ${id} names a request under way`);
    }
    if (this.#calls.size >= MOST_REQUESTS) {
      const text = `there are ${MOST_REQUESTS} requests under way on this connection, the most that may be`;
      throw new ProtocolError(ERROR_CODES.failed, { kind: "busy", message: text });
    }
    if (this.#characters + characters > MOST_HELD_CHARACTERS) {
      const text = `the requests under way on this connection have ${this.#characters} characters, and at most ${MOST_HELD_CHARACTERS} may be`;
      throw new ProtocolError(ERROR_CODES.failed, { kind: "busy", message: text });
    }
    const method = this.#options.methodOf(name);
    if (method === undefined) {
      const text = `there is no method '${name}' here`;
      throw new ProtocolError(ERROR_CODES.unknownMethod, { kind: "not-supported", message: text });
    }
    const carrier = this.#carrier;
    const [turns, wholes] = [this.#turns, this.#wholes];
    const call = new ServedCall({ id, method: name, params, carrier, turns, wholes });
    this.#calls.set(id, call);
    this.#characters += characters;
    this.#endIfWaiting(call);
    const running = this.#run({ id, call, method }).finally(() => {
      this.#calls.delete(id);
      this.#characters -= characters;
      this.#running.delete(running);
    });
    this.#running.add(running);
  }

  async #run(request: {
    readonly id: RequestId;
    readonly call: ServedCall;
    readonly method: Method;
  }): Promise<void> {
    const { id, call, method } = request;
    try {
      const result = await method(call);
      this.#carrier.send(messageFrame({ id, result }));
    } catch (caught) {
      const error = call.failureOf(caught);
      const isOfUpload = error instanceof UploadFailure;
      if (!isOfUpload && !(error instanceof NexusError)) {
        this.#options.onUnexpected(error, call.method);
      }
      const sent = errorMessage(error);
      const answer = isOfUpload ? { ...sent, data: { ...sent.data, isOfUpload } } : sent;
      this.#answer({ id, error: answer });
    }
  }

  #notice({ method, params }: Extract<Message, { type: "notification" }>): void {
    const { id, error } = params;
    const call = typeof id === "number" ? this.#calls.get(id) : undefined;
    // It has crossed the answer.
    if (call === undefined) return;
    if (method === CANCEL) call.cancel();
    else if (method === CREDIT && call.grant(params)) return;
    else if (method === END)
      call.endUpload(error === undefined ? undefined : errorFrom(error).message);
    else throw new NexusError("invalid-argument", `the notification '${method}' makes no sense`);
  }

  #takeBytes(frame: Uint8Array): void {
    const piece = parseBytes(frame);
    if (piece === undefined) {
      throw new NexusError("invalid-argument", "a binary frame begins with the id of a request");
    }
    this.#calls.get(piece.id)?.takeBytes(piece.bytes);
  }

  #answer({ id, error }: { id: RequestId | null; error: ErrorMessage }): void {
    this.#carrier.send(JSON.stringify({ jsonrpc: "2.0", id, error }));
  }

  async #end(): Promise<void> {
    for (const call of this.#calls.values()) call.cancel();
    await Promise.all(this.#running);
    this.#turns.close();
  }
}
