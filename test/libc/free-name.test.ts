import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { renameToFreeName, takeFreeName } from "../../src/libc/free-name.js";
import { kindOf } from "../support/error-kind.js";
import { testDir } from "../support/temp-dir.js";

/** In a directory of this name, hard links are refused as by vfat, which few kernels of test machines have. */
const NO_LINKS = "no-links";

vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof import("node:fs")>();
  const linkSync: typeof fs.linkSync = (from, to) => {
    if (!String(to).includes(NO_LINKS)) return fs.linkSync(from, to);
    throw Object.assign(new Error("EPERM: operation not permitted, link"), { code: "EPERM" });
  };
  return { ...fs, linkSync };
});

describe.each([
  { called: "takeFreeName", take: takeFreeName, to: "to", leaves: true },
  { called: "takeFreeName, without hard links,", take: takeFreeName, to: NO_LINKS, leaves: false },
  { called: "renameToFreeName", take: renameToFreeName, to: "to", leaves: false },
])("$called", ({ take, to: name, leaves }) => {
  test("gives a file a name that is free, and leaves one that isn't", () => {
    const directory = testDir();
    const [from, to] = [join(directory, "from"), join(directory, name)];
    writeFileSync(from, "new");
    take(from, to);
    expect(readFileSync(to, "utf8")).toBe("new");
    expect(existsSync(from)).toBe(leaves);
    const other = join(directory, "other");
    writeFileSync(other, "newer");
    expect(kindOf(() => take(other, to))).toBe("already-exists");
    expect(readFileSync(to, "utf8")).toBe("new");
    expect(readFileSync(other, "utf8")).toBe("newer");
  });
});

test("a name that can't be had for another reason is told of as that", () => {
  const [from, to] = [join(testDir(), "from"), join(testDir(), "none", "to")];
  writeFileSync(from, "new");
  expect(kindOf(() => takeFreeName(from, to))).toBe("not-found");
});
