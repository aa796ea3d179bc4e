import { existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeDirectories, realPlace } from "../../src/libc/directories.js";
import { testDir } from "../support/temp-dir.js";

describe("making directories", () => {
  test("makes all that are missing, with the mode, and says so", () => {
    const path = join(testDir(), "a", "b", "c");
    expect(makeDirectories(path, { mode: 0o700 })).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(path, "..")).mode & 0o777).toBe(0o700);
  });

  test("leaves those that are there as they are", () => {
    const path = testDir();
    const { mode } = statSync(path);
    expect(makeDirectories(path, { mode: 0o711 })).toBe(false);
    expect(statSync(path).mode).toBe(mode);
  });

  test.each([["file"], ["file/below"]])("fails on %s, where a file is", (name) => {
    const base = testDir();
    writeFileSync(join(base, "file"), "");
    expect(() => makeDirectories(join(base, name))).toThrow(/EEXIST|ENOTDIR/);
  });

  test.skipIf(!existsSync("/proc/self"))("comes back where nothing can be made", () => {
    expect(() => makeDirectories("/proc/nothing-here")).toThrow("ENOENT");
    expect(() => makeDirectories("/proc/nothing-here/below")).toThrow("ENOENT");
  });
});

test("a place is where links lead, also of what isn't there or can't be", () => {
  const base = testDir();
  mkdirSync(join(base, "real"));
  symlinkSync("real", join(base, "link"));
  writeFileSync(join(base, "real", "file"), "");
  expect(realPlace(join(base, "link"))).toBe(join(base, "real"));
  expect(realPlace(join(base, "link", "a", "b"))).toBe(join(base, "real", "a", "b"));
  expect(realPlace(join(base, "link", "file", "a"))).toBe(join(base, "real", "file", "a"));
});
