import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const HERE = new URL("..", import.meta.url);
const README = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");

const ROW = /^\| (?<sample>[^|]+) \| `(?<file>[^`|]+\.test\.ts)` \| (?<title>[^|]+) \|$/;

/** The rows of the table of samples. */
function rows(): { sample: string; file: string; title: string }[] {
  const section = README.split(/^## /m).find((text) => text.startsWith("The seeds' samples\n"));
  const lines = (section ?? "").split("\n").filter((line) => line.startsWith("| "));
  return lines.slice(1).map((line) => {
    const { sample = "", file = "", title = "" } = ROW.exec(line)?.groups ?? {};
    return { sample: sample || line, file, title };
  });
}

describe("the table of samples in the README", () => {
  test("has all of them", () => {
    expect(rows().length).toBeGreaterThan(20);
  });

  test.each(rows())("names a test for: $sample", ({ file, title }) => {
    const source = new URL(file, HERE);
    expect(existsSync(source), `there is no ${file}`).toBe(true);
    expect(readFileSync(source, "utf8")).toMatch(
      new RegExp(`\\b(test|describe)\\("${title.replace(/[.*+?^$()[\]{}|\\]/g, "\\$&")}"`),
    );
  });
});
