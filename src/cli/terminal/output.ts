import { Writable } from "node:stream";
import { type Paint, paintFor } from "./paint.js";
import { visible } from "./visible.js";

/** A stream that people or programs read: the process's own, or a test's. */
export type OutputStream = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  hasColors?(): boolean;
};

/**
 * What a command prints. Every method waits until the reader has caught up, so that a large output
 * never gathers in memory. Once the reader has gone, what is printed is dropped and `onClosed` was
 * called: the command then stops by its signal.
 */
export class Output {
  readonly paint: Paint;
  readonly #stream: OutputStream;
  #isClosed = false;

  constructor(stream: OutputStream) {
    this.#stream = stream;
    this.paint = paintFor(stream);
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY === true;
  }

  /** How wide the terminal is. */
  get columns(): number {
    return this.#stream.columns ?? 80;
  }

  /** Calls `listener` when nothing can be printed any more. Returns what ends that. */
  watchClosed(listener: () => void): () => void {
    const onError = () => {
      this.#isClosed = true;
      listener();
    };
    this.#stream.on("error", onError);
    return () => this.#stream.off("error", onError);
  }

  async write(chunk: string | Uint8Array): Promise<void> {
    if (this.#isClosed || this.#stream.write(chunk)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        for (const event of ["drain", "error", "close"]) this.#stream.off(event, done);
        resolve();
      };
      for (const event of ["drain", "error", "close"]) this.#stream.on(event, done);
    });
  }

  async line(text = ""): Promise<void> {
    await this.write(`${text}\n`);
  }

  /** Text from a file or from metadata, which may hold anything: a terminal isn't given commands. */
  foreign(text: string): string {
    return this.isTerminal ? visible(text) : text;
  }

  /** The same for a text of several lines. */
  foreignLines(text: string): string {
    return text
      .split("\n")
      .map((line) => this.foreign(line))
      .join("\n");
  }

  /** For what writes to a stream by itself. Its end doesn't end this one. */
  asWritable(): Writable {
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.write(chunk).then(() => done(), done);
      },
    });
  }
}
