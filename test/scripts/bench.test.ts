import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { testDir } from "../support/temp-dir.js";

const BENCH = fileURLToPath(new URL("../../scripts/bench/mount.mjs", import.meta.url));

/** Runs the benchmark where its first tool, the compiler, fails: it only prepares and cleans up. */
function bench(...args: string[]): { status: number | null; stderr: string } {
  const bin = join(testDir(), "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "cc"), "#!/bin/sh\nexit 1\n");
  chmodSync(join(bin, "cc"), 0o755);
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
  return spawnSync(process.execPath, [BENCH, ...args], { env, encoding: "utf8" });
}

test("the benchmark leaves what was in its directory alone, and nothing of its own", () => {
  const dir = join(testDir(), "my own 'things'");
  mkdirSync(join(dir, "data"), { recursive: true });
  writeFileSync(join(dir, "data/precious"), "text");
  expect(bench("--dir", dir).status).toBe(1);
  expect(readdirSync(dir)).toStrictEqual(["data"]);
  expect(readFileSync(join(dir, "data/precious"), "utf8")).toBe("text");
});

test("the benchmark refuses to measure nothing", () => {
  const dir = testDir();
  const { status, stderr } = bench("--dir", dir, "--only", "knitting");
  expect([status, stderr]).toStrictEqual([2, "bench: no work has 'knitting' in its name\n"]);
  expect(readdirSync(dir)).toStrictEqual([]);
});

test("a script says what its options are, and which it doesn't know, in a line", () => {
  const asked = spawnSync(process.execPath, [BENCH, "--help"], { encoding: "utf8" });
  expect(asked).toMatchObject({ status: 0, stderr: "" });
  expect(asked.stdout).toMatch(/^usage: scripts\/bench\/mount .*\[--rounds 3\]/);
  const { status, stderr } = bench("--knitting");
  expect(status).toBe(2);
  expect(stderr.split("\n")[0]).toMatch(/^scripts\/bench\/mount: .*--knitting/);
  expect(stderr).not.toContain("    at ");
});
