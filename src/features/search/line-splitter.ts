/** What is beyond this in a line is neither matched nor shown, so that memory stays bounded. */
export const LONGEST_LINE = 1024 * 1024;

/**
 * Cuts bytes into lines, chunk by chunk: a character or a line end may lie across two chunks. Lines end
 * with LF or CR LF, the last one also with the end of the bytes. What isn't UTF-8 becomes U+FFFD, and
 * a byte order mark at the beginning is no part of the first line. Of a line over
 * {@link LONGEST_LINE} UTF-16 units the beginning is kept.
 */
export class LineSplitter {
  readonly #decoder = new TextDecoder("utf-8");
  #pending = "";

  /** The lines that end in this chunk. */
  push(chunk: Uint8Array): string[] {
    return this.#split(this.#decoder.decode(chunk, { stream: true }));
  }

  /** The rest, when the bytes are over. */
  end(): string[] {
    const lines = this.#split(this.#decoder.decode());
    if (this.#pending !== "") lines.push(bounded(this.#pending));
    this.#pending = "";
    return lines;
  }

  #split(text: string): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
      this.#keep(text, start, end);
      lines.push(bounded(withoutReturn(this.#pending)));
      this.#pending = "";
      start = end + 1;
    }
    this.#keep(text, start, text.length);
    return lines;
  }

  /** One more unit than a line may have, as it can be the CR of a line end. */
  #keep(text: string, start: number, end: number): void {
    const room = LONGEST_LINE + 1 - this.#pending.length;
    this.#pending += text.slice(start, Math.min(end, start + room));
  }
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

function bounded(line: string): string {
  if (line.length <= LONGEST_LINE) return line;
  const kept = line.slice(0, LONGEST_LINE);
  // Half a character would be no text any more.
  return kept.isWellFormed() ? kept : kept.slice(0, -1);
}
