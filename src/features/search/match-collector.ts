import type { LineMatcher } from "./line-matcher.js";
import type { GrepMatch } from "./search.js";

export interface MatchCollectorOptions {
  readonly path: string;
  readonly match: LineMatcher;
  /** Lines of context. */
  readonly before: number;
  readonly after: number;
  /** How many matches are wanted at most. */
  readonly limit: number;
}

const NONE: readonly GrepMatch[] = [];

/**
 * Finds the matches in the lines of one file, given in order, and waits until each has its lines of
 * context. Holds the lines before the next match and the matches whose context isn't complete.
 */
export class MatchCollector {
  readonly #options: MatchCollectorOptions;
  readonly #before: string[] = [];
  /** In order; the first one is complete first. */
  #open: (GrepMatch & { readonly after: string[] })[] = [];
  #lineNumber = 0;
  #found = 0;

  constructor(options: MatchCollectorOptions) {
    this.#options = options;
  }

  /** Whether further lines change nothing: all that are wanted are found and complete. */
  get isDone(): boolean {
    return this.#found >= this.#options.limit && this.#open.length === 0;
  }

  /** The matches that are complete with this line. */
  push(line: string): readonly GrepMatch[] {
    const { path, match, before, after, limit } = this.#options;
    this.#lineNumber += 1;
    if (this.#open.length > 0) {
      const context = copyOf(line);
      for (const open of this.#open) open.after.push(context);
    }
    const span = this.#found < limit ? match(line) : undefined;
    if (span !== undefined) {
      this.#found += 1;
      this.#open.push({
        path,
        lineNumber: this.#lineNumber,
        line: copyOf(line),
        ...span,
        before: this.#before.map(copyOf),
        after: [],
      });
    }
    if (before > 0) {
      this.#before.push(line);
      if (this.#before.length > before) this.#before.shift();
    }
    if (this.#open.length === 0) return NONE;
    const waiting = this.#open.findIndex((open) => open.after.length < after);
    return this.#open.splice(0, waiting === -1 ? this.#open.length : waiting);
  }

  /** The matches after which the file ended too soon. */
  end(): readonly GrepMatch[] {
    const rest = this.#open;
    this.#open = [];
    return rest;
  }
}

/**
 * A line is a part of a longer string, and keeps all of it in memory. Who collects matches wants them
 * alone.
 */
function copyOf(line: string): string {
  return Buffer.from(line).toString();
}
