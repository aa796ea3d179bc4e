import type { GrepMatch } from "../features/search/search.js";
import type { Output } from "./terminal/output.js";

/**
 * Prints matches as grep(1) does: `path:line:text`, context as `path-line-text`, and `--` between what
 * isn't adjacent. A line that is context of two matches is printed once.
 */
export class GrepPrinter {
  readonly #output: Output;
  readonly #hasContext: boolean;
  #path: string | undefined;
  /** The last line printed of this file. */
  #printed = 0;
  /** Lines after the last match, which may turn out to match themselves. */
  #pending: { readonly lineNumber: number; readonly line: string }[] = [];

  constructor(output: Output, { hasContext }: { hasContext: boolean }) {
    this.#output = output;
    this.#hasContext = hasContext;
  }

  async print(match: GrepMatch): Promise<void> {
    const { path, lineNumber, before, after } = match;
    const isFirst = this.#path === undefined;
    const isSameFile = this.#path === path;
    await this.#flush(isSameFile ? lineNumber : Number.POSITIVE_INFINITY);
    if (!isSameFile) this.#printed = 0;
    this.#path = path;
    const context = before
      .map((line, index) => ({ line, lineNumber: lineNumber - before.length + index }))
      .filter((one) => one.lineNumber > this.#printed);
    const begin = context[0]?.lineNumber ?? lineNumber;
    const isAdjacent = isSameFile && begin === this.#printed + 1;
    if (this.#hasContext && !isFirst && !isAdjacent) {
      await this.#output.line(this.#output.paint("cyan", "--"));
    }
    for (const one of context) await this.#context(one);
    await this.#line({ lineNumber, mark: ":", text: this.#highlighted(match) });
    this.#pending = after.map((line, index) => ({ line, lineNumber: lineNumber + 1 + index }));
  }

  /** Prints what waits for the next match. */
  async end(): Promise<void> {
    await this.#flush(Number.POSITIVE_INFINITY);
  }

  async #flush(beforeLine: number): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    for (const one of pending) if (one.lineNumber < beforeLine) await this.#context(one);
  }

  async #context({ lineNumber, line }: { lineNumber: number; line: string }): Promise<void> {
    await this.#line({ lineNumber, mark: "-", text: this.#output.foreign(line) });
  }

  async #line({
    lineNumber,
    mark,
    text,
  }: {
    lineNumber: number;
    mark: string;
    text: string;
  }): Promise<void> {
    const { paint } = this.#output;
    const separator = paint("cyan", mark);
    const path = paint("magenta", this.#output.foreign(this.#path ?? ""));
    await this.#output.line(
      `${path}${separator}${paint("green", String(lineNumber))}${separator}${text}`,
    );
    this.#printed = lineNumber;
  }

  #highlighted({ line, start, end }: GrepMatch): string {
    const { paint } = this.#output;
    const part = (from: number, to?: number) => this.#output.foreign(line.slice(from, to));
    const found = part(start, end);
    const shown = found === "" ? "" : paint("bold", paint("red", found));
    return part(0, start) + shown + part(end);
  }
}
