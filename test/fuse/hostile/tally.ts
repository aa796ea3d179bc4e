/** What became of a request. */
export type Outcome = "answered" | "refused" | "silent";

/** What became of the requests of one opcode. */
interface Count {
  answered: number;
  /** Answered with an error. */
  refused: number;
  /** Never answered, as it should be, or later. */
  silent: number;
  /** The longest that one of them held the serving thread. */
  longestMs: number;
}

/** A tally as JSON has it, by opcode. */
export type TallyJson = Readonly<Record<string, Readonly<Count>>>;

/** How often each opcode was sent, and what became of it. */
export class Tally {
  readonly #counts: Map<string, Count>;

  constructor(json: TallyJson = {}) {
    this.#counts = new Map(Object.entries(json).map(([name, count]) => [name, { ...count }]));
  }

  note(opcode: string, { outcome, ms }: { outcome: Outcome; ms: number }): void {
    const count = this.#counts.get(opcode) ?? {
      ...{ answered: 0, refused: 0, silent: 0, longestMs: 0 },
    };
    this.#counts.set(opcode, count);
    count[outcome] += 1;
    count.longestMs = Math.max(count.longestMs, ms);
  }

  toJSON(): TallyJson {
    return Object.fromEntries(this.#counts);
  }
}
