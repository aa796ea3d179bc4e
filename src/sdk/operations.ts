import type { Readable } from "node:stream";
import { runEach } from "../model/run-each.js";
import { type Asked, clientError, closedError } from "./errors.js";

/** Longer than any timer may be; it only has to exist. */
const FOREVER_MS = 2 ** 31 - 1;

/** The same promise, while which the process stays alive. */
export async function keptAwake<T>(promise: Promise<T>): Promise<T> {
  const timer = setInterval(() => undefined, FOREVER_MS);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
  }
}

/** Waits until others see what was changed; undefined when they do already. */
export type Settled = () => Promise<void> | undefined;

/**
 * The operations of one client that are under way. While there are some the process stays alive,
 * because nothing of the store keeps it: its timers and threads wait for somebody who asks.
 */
export class Operations {
  #count = 0;
  #isClosed = false;
  readonly #keepAlive = setInterval(() => undefined, FOREVER_MS).unref();
  #noteAlone: (() => void) | undefined;
  readonly #iterators = new Set<AsyncIterator<unknown>>();
  readonly #streams = new Set<Readable>();
  readonly #settled: Settled;

  /** `settled` is waited for after each operation, however it ended. */
  constructor({ settled = () => undefined }: { settled?: Settled | undefined } = {}) {
    this.#settled = settled;
  }

  /** Runs one; its errors leave as those of a client. Errors: `closed`. */
  async run<T>(asked: Asked, operation: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw closedError(asked.op);
    this.#begin();
    try {
      return await operation();
    } catch (error) {
      throw clientError(error, asked);
    } finally {
      await this.#settled();
      this.#end();
    }
  }

  /** Each step counts as an operation; who holds an iteration without asking holds up nothing. */
  async *iterate<T>(asked: Asked, start: () => AsyncIterable<T>): AsyncGenerator<T> {
    const iterator = await this.run(asked, async () => start()[Symbol.asyncIterator]());
    this.#iterators.add(iterator);
    try {
      for (;;) {
        const next = await this.run(asked, async () => await iterator.next());
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      this.#iterators.delete(iterator);
      await iterator.return?.();
    }
  }

  /** A stream that ends with the client. Errors: `closed`. */
  stream(asked: Asked, start: () => Readable): Readable {
    if (this.#isClosed) throw closedError(asked.op);
    const stream = start();
    const destroy = stream._destroy.bind(stream);
    stream._destroy = (error, callback) =>
      destroy(error, (failure) => callback(failure && (clientError(failure, asked) as Error)));
    this.#streams.add(stream);
    stream.once("close", () => this.#streams.delete(stream));
    return stream;
  }

  /** From now on nothing begins. Waits for what is under way, then releases what it used. */
  async close(release: () => Promise<void>): Promise<void> {
    this.#isClosed = true;
    this.#begin();
    try {
      await runEach([() => this.#othersEnded(), () => this.#endHeld(), release]);
    } catch (error) {
      throw clientError(error, { op: "close" });
    } finally {
      this.#end();
    }
  }

  async #othersEnded(): Promise<void> {
    if (this.#count > 1) {
      await new Promise<void>((resolve) => {
        this.#noteAlone = resolve;
      });
    }
  }

  /** What was begun and is asked for no more. */
  async #endHeld(): Promise<void> {
    const iterators = [...this.#iterators];
    const streams = [...this.#streams];
    await runEach([
      ...iterators.map((iterator) => () => iterator.return?.()),
      ...streams.map((stream) => () => end(stream)),
    ]);
  }

  #begin(): void {
    this.#count += 1;
    if (this.#count === 1) this.#keepAlive.ref();
  }

  #end(): void {
    this.#count -= 1;
    if (this.#count === 1) this.#noteAlone?.();
    if (this.#count > 0) return;
    if (this.#isClosed) clearInterval(this.#keepAlive);
    else this.#keepAlive.unref();
  }
}

async function end(stream: Readable): Promise<void> {
  if (stream.closed) return;
  const closed = new Promise((resolve) => stream.once("close", resolve));
  stream.destroy(closedError("read"));
  await closed;
}
