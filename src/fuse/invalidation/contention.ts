import type { Clock } from "../../model/clock.js";
import type { Ino } from "../../model/ids.js";

/** So long after the last change by another one, a change makes a directory contended; and so long it is. */
const LASTS_MS = 10_000;
/** The ones changed last are remembered, some 100 bytes each: so many at least, and at most twice as many. */
const DIRECTORIES = 5000;

/** Who changes names: a mount, or one of the clients, which are as one. */
export type Changer = symbol;

interface Changed {
  readonly by: Changer;
  readonly atMs: number;
  /** Contended before this. */
  readonly untilMs: number;
}

/**
 * Directories that several mounts, or a mount and clients, change at about the same time. Where two do in the same
 * moment, one kernel can't be told in time of what the other has changed (see `Coherence`). So what it learns of such
 * a directory it isn't allowed to keep: it asks each time.
 */
export class Contention {
  readonly #clock: Pick<Clock, "monotonicMs">;
  #changed = new Map<Ino, Changed>();
  /** Those before. */
  #earlier = new Map<Ino, Changed>();

  constructor({ clock }: { clock: Pick<Clock, "monotonicMs"> }) {
    this.#clock = clock;
  }

  /** Somebody has changed a name in a directory. */
  note(directory: Ino, by: Changer): void {
    const atMs = this.#clock.monotonicMs();
    const last = this.#lastOf(directory);
    const isByAnother = last !== undefined && last.by !== by && atMs - last.atMs < LASTS_MS;
    const untilMs = isByAnother ? atMs + LASTS_MS : (last?.untilMs ?? 0);
    this.#changed.set(directory, { by, atMs, untilMs });
    if (this.#changed.size < DIRECTORIES) return;
    this.#earlier = this.#changed;
    this.#changed = new Map();
  }

  has(directory: Ino): boolean {
    const last = this.#lastOf(directory);
    return last !== undefined && this.#clock.monotonicMs() < last.untilMs;
  }

  #lastOf(directory: Ino): Changed | undefined {
    return this.#changed.get(directory) ?? this.#earlier.get(directory);
  }
}
