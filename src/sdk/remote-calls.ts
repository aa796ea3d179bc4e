import { setMaxListeners } from "node:events";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { interruption, requireNotAborted } from "../features/files/abort.js";
import { CHUNK_BYTES, chunksOf, requireContent, wholeBytes } from "../features/files/chunks.js";
import type { WriteContent } from "../features/files/files.js";
import { TimerScheduler } from "../model/clock.js";
import { RpcCaller } from "../rpc/caller.js";
import type { PendingCall, Upload } from "../rpc/pending-call.js";
import { sentFiles } from "./batch-contents.js";
import type { MethodLine } from "./client-methods.js";
import { closedError } from "./errors.js";
import { keptAwake } from "./operations.js";
import type { OwnerConnection } from "./owner-connection.js";

/** One of the client's methods, as it was called. */
export interface RemoteCall {
  readonly name: string;
  readonly line: MethodLine;
  readonly args: readonly unknown[];
}

/** The requests of one client, for each way in which a method goes over a connection. */
export class RemoteCalls {
  readonly #connection: OwnerConnection;
  /** What closing the client ends. */
  readonly #waiting = new Map<PendingCall, string>();
  #isEnding = false;

  constructor(connection: OwnerConnection) {
    this.#connection = connection;
  }

  async result(asked: RemoteCall): Promise<unknown> {
    const { list } = asked.line;
    if (list === undefined) return await (await this.#begin(asked)).result;
    const items = [...(asked.args[list] as Iterable<unknown>)];
    const args = replaced(asked.args, { at: list, value: items });
    return await (await this.#begin({ ...asked, args })).result;
  }

  /** With a content, which isn't touched before the other side reads it, unless it is all there. */
  async upload(asked: RemoteCall, content: unknown): Promise<unknown> {
    const source = content as WriteContent;
    requireContent(source);
    const { content: at = 0 } = asked.line;
    const args = replaced(asked.args, { at, value: null });
    const isWhole = wholeBytes(source) !== undefined;
    const scheduler = new TimerScheduler();
    const chunks = (signal: AbortSignal) => chunksOf(source, { signal, scheduler });
    // Who reads a stream hears of its failure then, and nobody needs to before.
    const ignore = () => undefined;
    const stream = content instanceof Readable ? content.on("error", ignore) : undefined;
    try {
      return await (await this.#begin({ ...asked, args }, { chunks, isWhole })).result;
    } finally {
      stream?.off("error", ignore);
    }
  }

  async batch(asked: RemoteCall): Promise<unknown> {
    const { files, upload } = sentFiles(asked.args[0] as Iterable<unknown>);
    const args = replaced(asked.args, { at: 0, value: files });
    return await (await this.#begin({ ...asked, args }, upload)).result;
  }

  async whole(asked: RemoteCall): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this.#bytes(await this.#begin(asked))) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async *items(asked: RemoteCall): AsyncGenerator<unknown> {
    const { signal } = partsOf(asked);
    const call = await this.#begin(asked);
    try {
      for (;;) {
        const batch = await call.items.read();
        if (batch === undefined) return;
        for (const item of batch) {
          requireNotAborted(signal);
          yield item;
        }
      }
    } finally {
      await ended(call);
    }
  }

  /** Writes what the method sends to a target, ends it, and gives the result. */
  async export(asked: RemoteCall, target: Writable): Promise<unknown> {
    const { signal } = partsOf(asked);
    const call = await this.#begin({
      ...asked,
      args: replaced(asked.args, { at: 0, value: null }),
    });
    try {
      await pipeline(this.#bytes(call), target, signal === undefined ? {} : { signal });
    } catch (error) {
      throw signal?.aborted === true ? interruption(signal) : error;
    }
    return await call.result;
  }

  /** A stream whose request begins when somebody reads, and is over when it is closed. */
  download(asked: RemoteCall): Readable {
    const { signal } = partsOf(asked);
    let begun: Promise<PendingCall> | undefined;
    const stream = new Readable({
      highWaterMark: CHUNK_BYTES,
      read: () => {
        const next = async () => {
          begun ??= this.#begin(asked);
          return await (await begun).bytes.read();
        };
        keptAwake(next()).then(
          (piece) => stream.push(piece ?? null),
          (error) => stream.destroy(error),
        );
      },
      destroy: (error, done) => {
        // What couldn't begin was told to who reads.
        const ending = begun?.then(ended, () => undefined) ?? Promise.resolve();
        keptAwake(ending).then(() => done(error));
      },
    });
    if (signal !== undefined) {
      const abort = () => stream.destroy(interruption(signal));
      signal.addEventListener("abort", abort, { once: true });
      stream.once("close", () => signal.removeEventListener("abort", abort));
      if (signal.aborted) abort();
    }
    return stream;
  }

  /** Ends what only waits for something to happen. */
  endWaiting(): void {
    this.#isEnding = true;
    for (const [call, name] of this.#waiting) call.cancel(closedError(name));
  }

  async *#bytes(call: PendingCall): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const piece = await call.bytes.read();
        if (piece === undefined) return;
        yield piece;
      }
    } finally {
      await ended(call);
    }
  }

  async #begin(asked: RemoteCall, upload?: Upload): Promise<PendingCall> {
    const { args, signal, onProgress } = partsOf(asked);
    const found = this.#connection.caller();
    const caller = found instanceof RpcCaller ? found : await found;
    if (asked.line.waits && this.#isEnding) throw closedError(asked.name);
    const call = caller.call({
      method: asked.name,
      params: { args },
      signal,
      onProgress,
      upload,
    });
    if (asked.line.waits) {
      this.#waiting.set(call, asked.name);
      const forget = () => this.#waiting.delete(call);
      call.result.then(forget, forget);
    }
    return call;
  }
}

/** Ends a request whose answer nobody wants any more. What it fails with was told to who read from it. */
async function ended(call: PendingCall): Promise<void> {
  call.cancel();
  await call.result.catch(() => undefined);
}

/** What of the arguments is sent, and what stays here. */
function partsOf({ line: { options: at }, args }: RemoteCall): {
  readonly args: readonly unknown[];
  readonly signal?: AbortSignal;
  readonly onProgress?: (value: unknown) => void;
} {
  const given = at === undefined ? undefined : args[at];
  if (at === undefined || typeof given !== "object" || given === null) return { args };
  const { signal, onProgress, ...rest } = given as Readonly<Record<string, unknown>>;
  // Any number of requests may listen to one signal: that is no leak, whatever Node suspects.
  if (signal instanceof AbortSignal) setMaxListeners(0, signal);
  return {
    args: replaced(args, { at, value: rest }),
    ...(signal instanceof AbortSignal ? { signal } : {}),
    ...(typeof onProgress === "function" ? { onProgress: (value) => void onProgress(value) } : {}),
  };
}

function replaced(
  args: readonly unknown[],
  { at, value }: { readonly at: number; readonly value: unknown },
): readonly unknown[] {
  const copy = [...args];
  copy[at] = value;
  return copy;
}
