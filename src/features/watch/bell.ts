import { NexusError } from "../../model/errors.js";

/** Lets one consumer sleep until somebody rings. A ring while it was awake counts, too. */
export class Bell {
  readonly #signal: AbortSignal | undefined;
  readonly #closing: AbortSignal;
  #hasRung = false;
  #isLeft = false;
  #wake: (() => void) | undefined;

  /** `closing` aborts when whoever is listened to is closed. */
  constructor({ signal, closing }: { signal: AbortSignal | undefined; closing: AbortSignal }) {
    this.#signal = signal;
    this.#closing = closing;
  }

  /** Wakes it once for many of these, and not before whoever rings is done. */
  readonly ring = (): void => {
    this.#hasRung = true;
    this.#wake?.();
  };

  /** The consumer is told `interrupted`, also while it sleeps. */
  leave(): void {
    this.#isLeft = true;
    this.ring();
  }

  /** Errors: `interrupted`, `closed`. */
  requireOpen(): void {
    if (this.#isLeft || this.#signal?.aborted === true) {
      throw new NexusError("interrupted", "watching was aborted", { op: "watch" });
    }
    if (this.#closing.aborted) {
      throw new NexusError("closed", "closed while it watched", { op: "watch" });
    }
  }

  /** Resolves after a ring. Errors: `interrupted`, `closed`. */
  async rung(): Promise<void> {
    const ends = this.#signal === undefined ? [this.#closing] : [this.#closing, this.#signal];
    if (!this.#hasRung) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        for (const end of ends) end.addEventListener("abort", this.ring, { once: true });
        if (ends.some(({ aborted }) => aborted)) resolve();
      });
      for (const end of ends) end.removeEventListener("abort", this.ring);
      this.#wake = undefined;
    }
    this.#hasRung = false;
    this.requireOpen();
  }
}
