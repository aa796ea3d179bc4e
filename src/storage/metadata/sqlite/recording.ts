import type { Clock } from "../../../model/clock.js";
import { type Timestamp, timestampToMs } from "../../../model/timestamp.js";

/** Beyond any time of day: as long as somebody watches. */
export const WHILE_WATCHED_MS = Number.MAX_SAFE_INTEGER;

/**
 * Whether changes are recorded, in memory: every operation asks, and nearly always the answer is no.
 */
export class Recording {
  readonly #clock: Clock;
  /** Milliseconds since the epoch; undefined while nothing is recorded. */
  #untilMs: number | undefined;
  #onLapse: () => void = () => undefined;
  #onRecorded: () => void = () => undefined;

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock;
  }

  /** Whom to tell that something was recorded, and that recording has come to its end. Neither may throw. */
  listen({ onRecorded, onLapse }: { onRecorded: () => void; onLapse: () => void }): void {
    this.#onRecorded = onRecorded;
    this.#onLapse = onLapse;
  }

  /** Records until then; undefined ends it. */
  set untilMs(untilMs: number | undefined) {
    this.#untilMs = untilMs;
  }

  get isOn(): boolean {
    return this.time() !== undefined;
  }

  /** The time to record a change with; undefined when it isn't to be recorded. */
  time(): Timestamp | undefined {
    if (this.#untilMs === undefined) return undefined;
    const now = this.#clock.now();
    if (timestampToMs(now) < this.#untilMs) return now;
    this.#untilMs = undefined;
    this.#onLapse();
    return undefined;
  }

  /** An operation has recorded something, and is done. */
  tell(): void {
    this.#onRecorded();
  }
}
