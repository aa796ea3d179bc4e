import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/command-table.js";

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const SECTION = README.split("## The command nexus\n")[1]?.split("\n## ")[0] ?? "";

describe("README.md", () => {
  test("has every verb of nexus in its table, in the order of its help", () => {
    const rows = SECTION.split("\n").filter((line) => line.startsWith("| `"));
    const shown = rows.flatMap((row) => {
      const [, cell = ""] = row.split(" | ")[0]?.split("| ") ?? [];
      return cell.split(", ").map((word) => /^`([a-z-]+)/.exec(word)?.[1]);
    });
    const verbs = COMMANDS.map(({ names: [name = ""] }) => name).filter(
      (name) => !name.startsWith("_"),
    );
    expect([...new Set(shown)]).toStrictEqual(verbs);
  });
});
