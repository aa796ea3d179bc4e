import { NexusError } from "../model/errors.js";

export interface InletOptions<T> {
  /** What may come before the first grant. */
  readonly window: number;
  readonly sizeOf: (piece: T) => number;
  /** Makes one piece of two, where they are so small, or empty, that keeping them apart takes more than they have. */
  readonly join?: (last: T, next: T) => T | undefined;
  /** Lets the other side send so much more. */
  readonly grant: (size: number) => void;
}

/**
 * The end of a stream where pieces arrive, until somebody reads them. What was read is granted again, in
 * halves of the window; so never more than one window waits here.
 */
export class Inlet<T> {
  readonly #options: InletOptions<T>;
  readonly #pieces: T[] = [];
  #allowed: number;
  #taken = 0;
  #isEnded = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(options: InletOptions<T>) {
    this.#options = options;
    this.#allowed = options.window;
  }

  /** Takes what arrives. Errors: `invalid-argument` for more than was granted. */
  push(piece: T): void {
    if (this.#isEnded) return;
    this.#allowed -= this.#options.sizeOf(piece);
    if (this.#allowed < 0) {
      throw new NexusError("invalid-argument", "more was sent on a stream than its reader granted");
    }
    const last = this.#pieces.at(-1);
    const joined = last === undefined ? undefined : this.#options.join?.(last, piece);
    if (joined === undefined) this.#pieces.push(piece);
    else this.#pieces[this.#pieces.length - 1] = joined;
    this.#wake?.();
  }

  /** Nothing more will come. With a failure the reader gets that, once it has read what came before. */
  end(failure?: { readonly error: unknown }): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#failure = failure;
    this.#wake?.();
  }

  /** The next piece; undefined at the end. One at a time. */
  async read(): Promise<T | undefined> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        this.#took(this.#options.sizeOf(piece));
        return piece;
      }
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#isEnded) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #took(size: number): void {
    this.#taken += size;
    if (this.#isEnded || this.#taken * 2 < this.#options.window) return;
    this.#allowed += this.#taken;
    this.#options.grant(this.#taken);
    this.#taken = 0;
  }
}
