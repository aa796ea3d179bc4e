import type { Clock } from "../../model/clock.js";
import type { Ino } from "../../model/ids.js";

/** So long after the last change by another mount, a change makes a directory contended; and so long it is. */
const LASTS_MS = 10_000;
/** The ones changed last are remembered, some 100 bytes each. */
const MOST_DIRECTORIES = 10_000;

interface Changed {
  readonly mount: symbol;
  readonly atMs: number;
  /** Contended before this. */
  readonly untilMs: number;
}

/**
 * Directories that several mounts change at about the same time. Where two do in the same moment, one kernel
 * can't be told in time of what the other has changed (see `Coherence`). So what it learns of such a directory
 * it isn't allowed to keep: it asks each time.
 */
export class Contention {
  readonly #clock: Pick<Clock, "monotonicMs">;
  /** In the order of their last changes. */
  readonly #changed = new Map<Ino, Changed>();

  constructor({ clock }: { clock: Pick<Clock, "monotonicMs"> }) {
    this.#clock = clock;
  }

  /** A mount has changed a name in a directory. */
  note(directory: Ino, mount: symbol): void {
    const atMs = this.#clock.monotonicMs();
    const last = this.#changed.get(directory);
    const isByAnother = last !== undefined && last.mount !== mount && atMs - last.atMs < LASTS_MS;
    const untilMs = isByAnother ? atMs + LASTS_MS : (last?.untilMs ?? 0);
    this.#changed.delete(directory);
    this.#changed.set(directory, { mount, atMs, untilMs });
    const [oldest] = this.#changed.keys();
    if (this.#changed.size > MOST_DIRECTORIES && oldest !== undefined) this.#changed.delete(oldest);
  }

  has(directory: Ino): boolean {
    const last = this.#changed.get(directory);
    return last !== undefined && this.#clock.monotonicMs() < last.untilMs;
  }
}
