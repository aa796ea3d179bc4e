import { setImmediate } from "node:timers/promises";

const TURN_MS = 10;

/** Long work that lets others (signals, messages) have their turn now and then. */
export class Turns {
  readonly #signal: AbortSignal;
  #beganMs = performance.now();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** To be called after each small piece of work. Errors: the reason of the signal. */
  async take(): Promise<void> {
    if (performance.now() - this.#beganMs < TURN_MS) return;
    await setImmediate();
    this.#beganMs = performance.now();
    this.#signal.throwIfAborted();
  }
}
