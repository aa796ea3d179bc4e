import { Random } from "../../differ/random.js";

/** What of all that wasn't synced is there when the power is back. */
export const SURVIVALS = ["nothing", "some", "all"] as const;
export type SurvivalMode = (typeof SURVIVALS)[number];

/** Decides for each thing that wasn't synced. The same seed decides the same way. */
export class Survival {
  readonly #mode: SurvivalMode;
  readonly #random: Random;

  constructor({ mode, seed }: { mode: SurvivalMode; seed: number }) {
    this.#mode = mode;
    this.#random = new Random(seed);
  }

  keeps(): boolean {
    return this.#mode === "some" ? this.#random.chance(50) : this.#mode === "all";
  }

  /** Whether a page that was written twice reached the disk only the first time. */
  prefersEarlier(): boolean {
    return this.#mode === "some" && this.#random.chance(30);
  }

  /** A size: one of the two, or something between them that is a whole number of steps. */
  between({ least, most, step }: { least: number; most: number; step: number }): number {
    if (this.#mode !== "some") return this.#mode === "all" ? most : least;
    const choice = this.#random.below(3);
    if (choice === 0) return least;
    if (choice === 1 || most <= least) return most;
    const steps = Math.floor((most - least) / step) + 1;
    return Math.min(most, Math.ceil(least / step) * step + this.#random.below(steps) * step);
  }

  /** How much of a row of so many things is there: its beginning. */
  prefix(length: number): number {
    if (this.#mode !== "some") return this.#mode === "all" ? length : 0;
    return this.#random.below(length + 1);
  }
}
