import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { mostDescriptors } from "../../src/libc/limits.js";

test("a process may have as many descriptors as its shell's children", () => {
  // They inherit it.
  const said = execFileSync("bash", ["-c", "ulimit -n"], { encoding: "utf8" }).trim();
  expect(String(mostDescriptors())).toBe(said === "unlimited" ? String(2 ** 64) : said);
});
