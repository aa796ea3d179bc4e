import { readFileSync } from "node:fs";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { RULES, type SettingRule } from "../../src/config/schema.js";
import { parseCommandLine } from "../../src/daemon/command-line.js";

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

/** What is printed after --help. */
function help(): string {
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  onTestFinished(() => write.mockRestore());
  parseCommandLine(["--help"], "nexus-mount");
  return write.mock.calls.map(([text]) => String(text)).join("");
}

function settings(isPlanned: boolean): [key: string, rule: SettingRule][] {
  return Object.entries(RULES as Record<string, SettingRule>).filter(
    ([, rule]) => (rule.isPlanned === true) === isPlanned,
  );
}

describe("README.md", () => {
  test("lists every setting with its variable and its option", () => {
    const options = [...help().matchAll(/--[a-z-]+/g)].map(([option]) => option);
    for (const [key, { variable = "" }] of settings(false)) {
      const row = README.split("\n").find((line) => line.startsWith(`| \`${key}\` |`)) ?? "";
      const [, , shownVariable = "", option = ""] = row.split("|").map((cell) => cell.trim());
      expect([key, shownVariable]).toStrictEqual([key, variable === "" ? "" : `\`${variable}\``]);
      const named = /--[a-z-]+/.exec(option)?.[0];
      if (named !== undefined) expect(options).toContain(named);
    }
  });

  test("has no setting in its table that does nothing", () => {
    for (const [key] of settings(true)) expect(README).not.toContain(`| \`${key}\` |`);
  });

  test("shows the options as --help does", () => {
    const shown = /^Options:\n((?: .*\n)+)/m.exec(help())?.[1] ?? "";
    expect(README).toContain(`nexus-mount [options] [source] mountpoint\n\n${shown}\`\`\``);
  });
});
