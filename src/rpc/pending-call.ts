import { isKind, NexusError } from "../model/errors.js";
import type { Carrier } from "./carrier.js";
import { Inlet } from "./inlet.js";
import { WINDOW_BYTES, WINDOW_ITEMS } from "./limits.js";
import { CANCEL, CREDIT, END, messageFrame, type Params, type RequestId } from "./message.js";
import { Outlet } from "./outlet.js";
import { errorFrom, errorMessage, isOfUpload } from "./remote-error.js";

export interface CallOptions {
  readonly method: string;
  readonly params: Params;
  readonly signal?: AbortSignal | undefined;
  /** Told what the method tells; what this throws cancels the request and is its error. */
  readonly onProgress?: ((value: unknown) => void) | undefined;
  readonly upload?: Upload | undefined;
}

/** What is sent with a request. */
export interface Upload {
  /** Begins it; the signal aborts when nobody wants more. */
  readonly chunks: (signal: AbortSignal) => AsyncIterable<Uint8Array>;
  /** It is all there, and may leave before the other side asks for it. */
  readonly isWhole: boolean;
}

/** How a request ended. */
export type Answer =
  | { readonly result: unknown }
  | { readonly error: unknown }
  /** The connection is lost. */
  | { readonly lost: string };

/** A request under way, on the side that asked. */
export class PendingCall {
  /** The bytes that the method sends; they end before the result comes. */
  readonly bytes: Inlet<Uint8Array>;
  /** Its items, in batches. */
  readonly items: Inlet<readonly unknown[]>;
  /** Fails as the method did; `io-failure` when the connection is lost. */
  readonly result: Promise<unknown>;
  readonly #id: RequestId;
  readonly #carrier: Carrier;
  readonly #options: CallOptions;
  readonly #outlet: Outlet;
  /** Aborts when the request is over; there only for what listens to it, as making one takes long. */
  readonly #over: AbortController | undefined;
  #isOver = false;
  /** What the caller's own content, or his own function, failed with. */
  #uploadFailure: { readonly error: unknown } | undefined;
  /** What the request fails with if it is interrupted. */
  #instead: { readonly error: unknown } | undefined;
  #progressFailure: { readonly error: unknown } | undefined;
  #resolve: (result: unknown) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor(options: CallOptions & { readonly id: RequestId; readonly carrier: Carrier }) {
    const { id, carrier, signal, upload } = options;
    this.#id = id;
    this.#carrier = carrier;
    this.#options = options;
    this.bytes = new Inlet({
      window: WINDOW_BYTES,
      sizeOf: ({ length }) => length,
      grant: (bytes) => this.#tell(CREDIT, { bytes }),
    });
    this.items = new Inlet({
      window: WINDOW_ITEMS,
      sizeOf: ({ length }) => length,
      grant: (items) => this.#tell(CREDIT, { items }),
    });
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Who reads its stream first hears of the failure there.
    this.result.catch(() => undefined);
    this.#outlet = new Outlet({ carrier, window: WINDOW_BYTES });
    if (signal !== undefined || upload !== undefined) this.#over = new AbortController();
    carrier.send(requestFrame(options));
    if (this.#over !== undefined) {
      signal?.addEventListener("abort", () => this.cancel(), { signal: this.#over.signal });
    }
    if (upload !== undefined && this.#over !== undefined) {
      void this.#upload(upload, this.#over.signal);
    }
  }

  /**
   * Asks the method to end. It may be too late: the result says so. If not, `error` is what it fails with
   * rather than `interrupted`.
   */
  cancel(error?: NexusError): void {
    if (error !== undefined) this.#instead = { error };
    this.#tell(CANCEL, {});
  }

  /** The other side wants more of the upload. */
  grant(size: number): void {
    this.#outlet.grant(size);
  }

  progress(value: unknown): void {
    try {
      this.#options.onProgress?.(value);
    } catch (error) {
      this.#progressFailure ??= { error };
      this.cancel();
    }
  }

  end(answer: Answer): void {
    this.#isOver = true;
    this.#over?.abort();
    this.#outlet.stop();
    const failure = this.#failureOf(answer);
    this.bytes.end(failure);
    this.items.end(failure);
    if (failure !== undefined) this.#reject(failure.error);
    else this.#resolve("result" in answer ? answer.result : undefined);
  }

  #failureOf(answer: Answer): { readonly error: unknown } | undefined {
    if (this.#progressFailure !== undefined) return this.#progressFailure;
    if ("result" in answer) return undefined;
    if ("lost" in answer) {
      const message = `${answer.lost}; what was under way may or may not have happened`;
      return { error: new NexusError("io-failure", message) };
    }
    if (this.#uploadFailure !== undefined && isOfUpload(answer.error)) return this.#uploadFailure;
    const error = errorFrom(answer.error);
    const { signal } = this.#options;
    if (isKind(error, "interrupted") && this.#instead !== undefined) return this.#instead;
    if (!isKind(error, "interrupted") || signal?.aborted !== true) return { error };
    const { kind, message, op, path } = error;
    const place = { ...(op === undefined ? {} : { op }), ...(path === undefined ? {} : { path }) };
    return { error: new NexusError(kind, message, { ...place, cause: signal.reason }) };
  }

  async #upload({ chunks, isWhole }: Upload, signal: AbortSignal): Promise<void> {
    try {
      // A source of the caller's is not touched before somebody wants to read it.
      if (!isWhole && !(await this.#outlet.asked())) return;
      for await (const chunk of chunks(signal)) {
        if (!(await this.#outlet.send(this.#id, chunk))) return;
      }
      this.#tell(END, {});
    } catch (error) {
      if (this.#outlet.isStopped) return;
      this.#uploadFailure = { error };
      this.#tell(END, { error: errorMessage(error) });
    }
  }

  /** Says something of this request, unless it is over. */
  #tell(method: string, params: Params): void {
    if (this.#isOver) return;
    this.#carrier.send(messageFrame({ method, params: { id: this.#id, ...params } }));
  }
}

function requestFrame(options: CallOptions & { readonly id: RequestId }): string {
  const { id, method, params, signal, onProgress } = options;
  return messageFrame({
    id,
    method,
    params: {
      ...params,
      ...(signal?.aborted === true ? { isAborted: true } : {}),
      ...(onProgress === undefined ? {} : { wantsProgress: true }),
    },
  });
}
