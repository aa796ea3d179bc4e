import { isKind, NexusError } from "../model/errors.js";
import type { Carrier } from "./carrier.js";
import { Inlet } from "./inlet.js";
import { SMALL_BYTES, WINDOW_BYTES, WINDOW_ITEMS } from "./limits.js";
import { CREDIT, ITEMS, messageFrame, type Params, PROGRESS, type RequestId } from "./message.js";
import { Outlet } from "./outlet.js";
import type { Turns } from "./turns.js";
import type { WholeResults } from "./whole-results.js";

/** Items are sent on when there are so many, or when no further one is there at once. */
const MOST_BATCHED = 64;

/** What the caller's content failed with, on the caller's side; it is told no more of it here. */
export class UploadFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UploadFailure";
  }
}

/** A request under way, on the side that serves it. */
export class ServedCall {
  readonly method: string;
  readonly params: Params;
  /** Undefined unless the caller wants to be told. */
  readonly onProgress: ((value: unknown) => void) | undefined;
  readonly #id: RequestId;
  readonly #carrier: Carrier;
  readonly #turns: Turns;
  readonly #wholes: WholeResults;
  /** Made when somebody asks for its signal: most methods don't, and it takes long. */
  #abort: AbortController | undefined;
  #isCancelled = false;
  #instead: NexusError | undefined;
  readonly #upload: Inlet<Uint8Array>;
  readonly #bytes: Outlet;
  readonly #items: Outlet;

  constructor(options: {
    readonly id: RequestId;
    readonly method: string;
    readonly params: Params;
    readonly carrier: Carrier;
    readonly turns: Turns;
    readonly wholes: WholeResults;
  }) {
    const { id, method, params, carrier, turns, wholes } = options;
    const { isAborted, wantsProgress } = params;
    this.#id = id;
    this.#carrier = carrier;
    this.#turns = turns;
    this.#wholes = wholes;
    this.method = method;
    this.params = params;
    this.onProgress =
      wantsProgress === true ? (value) => this.#tell(PROGRESS, { value }) : undefined;
    this.#upload = new Inlet({
      window: WINDOW_BYTES,
      sizeOf: ({ length }) => length,
      join: joinSmall,
      grant: (bytes) => this.#tell(CREDIT, { bytes }),
    });
    this.#bytes = new Outlet({ carrier, window: WINDOW_BYTES });
    this.#items = new Outlet({ carrier, window: WINDOW_ITEMS });
    if (isAborted === true) this.cancel();
  }

  /** Aborts when the caller cancels the request, or is gone. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#isCancelled) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  /** What the caller sends with the request. Fails as the caller's source does. */
  async *upload(): AsyncGenerator<Uint8Array> {
    // Says that somebody reads.
    this.#tell(CREDIT, { bytes: 0 });
    for (;;) {
      const bytes = await this.#upload.read();
      if (bytes === undefined) return;
      yield bytes;
    }
  }

  /** Sends bytes, as fast as the caller takes them. Errors: `interrupted`. */
  async sendBytes(bytes: Uint8Array): Promise<void> {
    if (!(await this.#bytes.send(this.#id, bytes))) throw interrupted();
  }

  /** Makes bytes that are all of one moment, when there is room for them, and sends them. Errors: as `sendBytes`. */
  async sendWhole(make: () => Promise<Uint8Array>): Promise<void> {
    await this.#wholes.pass({ make, send: (bytes) => this.sendBytes(bytes) });
  }

  /**
   * Sends the items of an iteration, as far as the caller wants them, and ends it. It runs ahead of the
   * caller by no more than a window.
   */
  async sendItems(source: AsyncIterable<unknown>): Promise<void> {
    const batch: unknown[] = [];
    let failure: { readonly error: unknown } | undefined;
    const flush = () => {
      if (batch.length > 0) this.#tell(ITEMS, { items: batch.splice(0) });
    };
    const flushLater = () => {
      try {
        flush();
      } catch (error) {
        failure = { error };
      }
    };
    const iterator = source[Symbol.asyncIterator]();
    try {
      // What was aborted before it began says at its first step what else is wrong: who may not, above all.
      if (this.signal.aborted) await iterator.next();
      while ((await this.#items.room()) > 0) {
        const next = await iterator.next();
        if (failure !== undefined) throw failure.error;
        if (next.done === true) return;
        this.#items.spend(1);
        batch.push(next.value);
        if (batch.length >= MOST_BATCHED) flush();
        else if (batch.length === 1) this.#turns.after(flushLater);
      }
      throw interrupted();
    } finally {
      flush();
      await iterator.return?.();
    }
  }

  /** The caller wants so much more. */
  grant({ bytes, items }: { readonly bytes?: unknown; readonly items?: unknown }): boolean {
    if (isCredit(bytes)) this.#bytes.grant(bytes);
    else if (isCredit(items)) this.#items.grant(items);
    else return false;
    return true;
  }

  /** Errors: `invalid-argument` for more than was granted. */
  takeBytes(bytes: Uint8Array): void {
    this.#upload.push(bytes);
  }

  endUpload(failure: string | undefined): void {
    this.#upload.end(failure === undefined ? undefined : { error: new UploadFailure(failure) });
  }

  /** Ends it; then it fails with `error`, if there is one, rather than with `interrupted`. */
  cancel(error?: NexusError): void {
    this.#instead ??= error;
    this.#isCancelled = true;
    this.#abort?.abort();
    this.#bytes.stop();
    this.#items.stop();
    this.#upload.end({ error: interrupted() });
  }

  /** What the caller gets to hear of a failure. */
  failureOf(error: unknown): unknown {
    return isKind(error, "interrupted") ? (this.#instead ?? error) : error;
  }

  #tell(method: string, params: Params): void {
    this.#carrier.send(messageFrame({ method, params: { id: this.#id, ...params } }));
  }
}

/** A frame for each byte of a window would take a hundred times the window. */
function joinSmall(last: Uint8Array, next: Uint8Array): Uint8Array | undefined {
  return last.length + next.length > SMALL_BYTES ? undefined : Buffer.concat([last, next]);
}

function interrupted(): NexusError {
  return new NexusError("interrupted", "the operation was aborted");
}

function isCredit(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
