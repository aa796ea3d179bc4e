import { constants } from "node:os";
import { isKind, NexusError } from "../model/errors.js";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
type Signal = (typeof SIGNALS)[number];

/** Where signals come from: the process, or a test. */
export interface SignalSource {
  on(signal: Signal, listener: (signal: Signal) => void): unknown;
  off(signal: Signal, listener: (signal: Signal) => void): unknown;
}

/**
 * Ends what a command does: by a signal, as Ctrl-C sends one, or because nobody reads its output any
 * more. The operation that is under way ends as a whole or not at all. A second signal has the effect
 * that it has on every program.
 */
export class Interruption {
  readonly #source: SignalSource | undefined;
  readonly #controller = new AbortController();
  #signal: Signal | undefined;

  /** Without a source, signals keep their usual effect. */
  constructor(source: SignalSource | undefined) {
    this.#source = source;
    for (const signal of SIGNALS) source?.on(signal, this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** 130 after Ctrl-C; undefined when no signal came. */
  get exitCode(): number | undefined {
    return this.#signal === undefined ? undefined : 128 + constants.signals[this.#signal];
  }

  /** Nobody reads: everything stops, and that is no failure. */
  readonly stopQuietly = (): void => this.#controller.abort(interrupted());

  /** Whether an error only says that it was interrupted. */
  isCauseOf(error: unknown): boolean {
    if (!this.signal.aborted) return false;
    const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
    return (
      error === this.signal.reason ||
      isKind(error, "interrupted") ||
      name === "AbortError" ||
      code === "ERR_STREAM_PREMATURE_CLOSE"
    );
  }

  /** Signals have their usual effect again. */
  close(): void {
    for (const signal of SIGNALS) this.#source?.off(signal, this.#onSignal);
  }

  readonly #onSignal = (signal: Signal): void => {
    this.#signal = signal;
    this.close();
    this.#controller.abort(interrupted());
  };
}

function interrupted(): NexusError {
  return new NexusError("interrupted", "interrupted");
}
