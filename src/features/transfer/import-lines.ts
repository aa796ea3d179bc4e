import { NexusError } from "../../model/errors.js";
import { type ImportLine, parseLine } from "./line-format.js";
import { LineTree } from "./line-tree.js";

/** Longer ones are no export: a file of another kind would be taken into memory as one line. */
const MOST_LINE_BYTES = 64 * 1024 * 1024;
const NEWLINE = 0x0a;

/**
 * Reads all lines of an export, by path. Blank ones count and say nothing. Errors: `invalid-argument`,
 * `invalid-path` and `name-too-long`, each with the number of the line.
 */
export async function readLines(
  source: AsyncIterable<Uint8Array>,
): Promise<ReadonlyMap<string, ImportLine>> {
  const lines = new LineTree();
  let lineNumber = 0;
  for await (const bytes of splitLines(source)) {
    lineNumber += 1;
    const text = decode(bytes, lineNumber);
    if (text.trim() !== "") lines.add(parseLine(text, lineNumber));
  }
  return lines.files;
}

/** The bytes between newlines. (U+2028 may be in a path, so nothing else separates lines.) */
async function* splitLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let parts: Uint8Array[] = [];
  let partBytes = 0;
  let lineNumber = 1;
  for await (const chunk of source) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      yield Buffer.concat([...parts, chunk.subarray(start, end)]);
      parts = [];
      partBytes = 0;
      lineNumber += 1;
      start = end + 1;
    }
    const rest = chunk.subarray(start);
    parts.push(rest);
    partBytes += rest.length;
    if (partBytes > MOST_LINE_BYTES) {
      const message = `Invalid line ${lineNumber}: a line has at most ${MOST_LINE_BYTES} bytes`;
      throw new NexusError("invalid-argument", message, { op: "import" });
    }
  }
  if (partBytes > 0) yield Buffer.concat(parts);
}

function decode(bytes: Uint8Array, lineNumber: number): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new NexusError("invalid-argument", `Invalid UTF-8 at line ${lineNumber}`, {
      op: "import",
      cause,
    });
  }
}
