import { CHUNK_BYTES, MOST_HELD_BYTES } from "./limits.js";
import type { Turns } from "./turns.js";

/**
 * Results of one connection that are all in memory before any of it leaves. They are made one after the other, and none
 * while {@link MOST_HELD_BYTES} of those before wait to be taken: somebody who asks for all at once, or takes nothing,
 * could have the memory of everybody otherwise.
 */
export class WholeResults {
  readonly #turns: Turns;
  #heldBytes = 0;
  #last: Promise<unknown> = Promise.resolve();
  #wake: () => void = () => undefined;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** Makes one when its turn comes, and sends it. Fails as `make` and `send` do. */
  async pass({
    make,
    send,
  }: {
    make: () => Promise<Uint8Array>;
    send: (bytes: Uint8Array) => Promise<void>;
  }): Promise<void> {
    const made = this.#last.then(() => this.#make(make));
    this.#last = made.catch(() => undefined);
    const bytes = await made;
    try {
      await send(bytes);
    } finally {
      this.#heldBytes -= bytes.length;
      this.#wake();
    }
  }

  async #make(make: () => Promise<Uint8Array>): Promise<Uint8Array> {
    while (this.#heldBytes >= MOST_HELD_BYTES) await this.#change();
    const bytes = await make();
    this.#heldBytes += bytes.length;
    // It took long, and others wait for this thread.
    if (bytes.length > CHUNK_BYTES) await this.#turn();
    return bytes;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#turns.after(resolve));
  }
}
