import { describe, expect, test } from "vitest";
import { GrepPrinter } from "../../src/cli/grep-printer.js";
import { Output, type OutputStream } from "../../src/cli/terminal/output.js";
import type { GrepMatch } from "../../src/features/search/search.js";
import { Screen } from "./run-command.js";

const TEXT = "one\nTWO\nthree\nfour\nFIVE\nsix\nseven\neight\nNINE\nten".split("\n");

/** What grep finds in {@link TEXT} for capitals. */
function matches(context: number, path = "/f"): GrepMatch[] {
  return TEXT.flatMap((line, index) => {
    if (line !== line.toUpperCase()) return [];
    const before = TEXT.slice(Math.max(0, index - context), index);
    const after = TEXT.slice(index + 1, index + 1 + context);
    return [{ path, lineNumber: index + 1, line, start: 0, end: line.length, before, after }];
  });
}

async function printed(
  all: readonly GrepMatch[],
  { hasContext, kind = "pipe" }: { hasContext: boolean; kind?: "pipe" | "colours" },
): Promise<string> {
  const screen = new Screen(kind);
  const printer = new GrepPrinter(new Output(screen as unknown as OutputStream), { hasContext });
  for (const match of all) await printer.print(match);
  await printer.end();
  return screen.text;
}

describe("matches", () => {
  test("are a line each", async () => {
    expect(await printed(matches(0), { hasContext: false })).toBe(
      "/f:2:TWO\n/f:5:FIVE\n/f:9:NINE\n",
    );
  });

  test("have context around them, each line once, and -- where something is left out", async () => {
    expect(await printed(matches(1), { hasContext: true })).toBe(
      ["/f-1-one", "/f:2:TWO", "/f-3-three", "/f-4-four", "/f:5:FIVE", "/f-6-six"]
        .concat("--", "/f-8-eight", "/f:9:NINE", "/f-10-ten", "")
        .join("\n"),
    );
  });

  test("whose contexts overlap share them", async () => {
    const lines = (await printed(matches(3), { hasContext: true })).trimEnd().split("\n");
    expect(lines).toStrictEqual(
      TEXT.map((line, index) => {
        const mark = line === line.toUpperCase() ? ":" : "-";
        return `/f${mark}${index + 1}${mark}${line}`;
      }),
    );
  });

  test("of another file stand apart", async () => {
    const [a, b] = [matches(1, "/a").slice(-1), matches(1, "/b").slice(0, 1)];
    expect(await printed([...a, ...b], { hasContext: true })).toBe(
      "/a-8-eight\n/a:9:NINE\n/a-10-ten\n--\n/b-1-one\n/b:2:TWO\n/b-3-three\n",
    );
  });

  test("stand out on a terminal", async () => {
    const [match] = matches(0);
    const narrow = match === undefined ? [] : [{ ...match, start: 1, end: 2 }];
    const text = await printed(narrow, { hasContext: false, kind: "colours" });
    expect(text).toContain("T\u001b[1m\u001b[31mW\u001b[39m\u001b[22mO\n");
    expect(text).toContain("\u001b[35m/f\u001b[39m");
  });
});
