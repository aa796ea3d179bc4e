import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LineSplitter, LONGEST_LINE } from "../../../src/features/search/line-splitter.js";

function split(...chunks: readonly (string | Uint8Array)[]): string[] {
  const splitter = new LineSplitter();
  return [...chunks.flatMap((chunk) => splitter.push(Buffer.from(chunk))), ...splitter.end()];
}

describe("a line", () => {
  test.each([
    ["", []],
    ["a", ["a"]],
    ["a\n", ["a"]],
    ["a\nb", ["a", "b"]],
    ["\n\n", ["", ""]],
    ["a\r\nb\r\n", ["a", "b"]],
    ["a\rb\r", ["a\rb\r"]],
    ["a\r\r\n", ["a\r"]],
    ["\u{feff}a\n", ["a"]],
  ])("%j is %j", (text, lines) => {
    expect(split(text)).toEqual(lines);
  });

  test("is the same however the bytes come", () => {
    const text = fc
      .array(fc.constantFrom("a", "é", "😀", "\n", "\r\n", "\r"), { maxLength: 20 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, fc.array(fc.nat({ max: 40 })), (content, cuts) => {
        const bytes = Buffer.from(content);
        const places = [0, ...cuts.sort((one, other) => one - other), bytes.length];
        const chunks = places.map((place, index) => bytes.subarray(place, places[index + 1]));
        const lines = content.split(/\r?\n/);
        if (lines.at(-1) === "") lines.pop();
        expect(split(...chunks)).toEqual(lines);
      }),
    );
  });

  test("has U+FFFD where the bytes aren't UTF-8", () => {
    expect(split(Buffer.from([0x61, 0xff, 0x62, 0x0a, 0xc3]))).toEqual(["a\u{fffd}b", "\u{fffd}"]);
  });

  test.each([0, 1, 5])("that is %i characters too long loses those", (excess) => {
    const chunk = "x".repeat(LONGEST_LINE / 4);
    const lines = split(chunk, chunk, chunk, chunk, `${"y".repeat(excess)}\r\nnext\r\n`);
    expect(lines.map(({ length }) => length)).toEqual([LONGEST_LINE, 4]);
    expect(lines[0]?.endsWith("x")).toBe(true);
  });

  test("isn't cut within a character", () => {
    const [line = ""] = split(`${"x".repeat(LONGEST_LINE - 1)}😀😀\n`);
    expect(line.length).toBe(LONGEST_LINE - 1);
    expect(line.isWellFormed()).toBe(true);
  });
});
