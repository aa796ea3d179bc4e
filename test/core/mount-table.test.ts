import { describe, expect, test } from "vitest";
import { type MountEntry, MountTable, ROOT_MOUNT } from "../../src/core/mount-table.js";

function entry(prefix: string, rest: Partial<MountEntry> = {}): MountEntry {
  return { prefix, backend: "local", readonly: false, priority: 0, ...rest };
}

describe("entryOf", () => {
  const table = new MountTable([
    entry("/external"),
    entry("/external/photos/raw"),
    entry("/external/photos"),
  ]);

  test.each([
    ["/", "/"],
    ["/documents/a", "/"],
    ["/external", "/external"],
    ["/external/docs/a", "/external"],
    ["/external/photos", "/external/photos"],
    ["/external/photos/2030/a.jpg", "/external/photos"],
    ["/external/photos/raw/a.dng", "/external/photos/raw"],
    ["/external/photographs", "/external"],
    ["/externals/a", "/"],
    ["/a/external/photos", "/"],
  ])("%s belongs to the longest prefix, %s", (path, prefix) => {
    expect(table.entryOf(path).prefix).toBe(prefix);
  });

  test("a higher priority wins before the longest prefix does", () => {
    const overridden = new MountTable([
      entry("/a", { priority: 5 }),
      entry("/a/b", { priority: 1 }),
      entry("/a/b/c", { priority: 9 }),
    ]);
    expect(overridden.entryOf("/a/b/x").prefix).toBe("/a");
    expect(overridden.entryOf("/a/b/c/x").prefix).toBe("/a/b/c");
  });

  test("a lower priority than the root's loses to the root", () => {
    expect(new MountTable([entry("/a", { priority: -1 })]).entryOf("/a/b").prefix).toBe("/");
  });

  test("the order of the entries doesn't matter", () => {
    const entries = [entry("/a"), entry("/a/b/c"), entry("/a/b"), entry("/", { readonly: true })];
    const forward = new MountTable(entries);
    const backward = new MountTable([...entries].reverse());
    for (const path of ["/", "/a", "/a/b", "/a/b/c/d", "/x"]) {
      expect(backward.entryOf(path)).toEqual(forward.entryOf(path));
    }
  });

  test("gives a path the same entry every time, so that it can be compared", () => {
    expect(table.entryOf("/external/docs/a")).toBe(table.entryOf("/external/docs/b"));
    expect(table.entryOf("/x")).toBe(table.entryOf("/y"));
  });
});

describe("a mount table", () => {
  test("has the root mount when no entry takes the root", () => {
    expect(new MountTable([]).entryOf("/a")).toEqual(ROOT_MOUNT);
  });

  test("has no other root mount when an entry takes the root", () => {
    const table = new MountTable([entry("/", { readonly: true })]);
    expect(table.entryOf("/a").readonly).toBe(true);
  });

  test("makes prefixes canonical", () => {
    expect(new MountTable([entry("//a/./b//")]).entryOf("/a/b/c").prefix).toBe("/a/b");
  });

  test("refuses two entries at one place, however they are written", () => {
    for (const [first, second] of [
      ["/a", "/a"],
      ["/a", "/a/"],
      ["/", "//"],
      ["/a/b", "/a/../a//b"],
    ] as const) {
      expect(() => new MountTable([entry(first), entry(second, { priority: 3 })])).toThrow(
        expect.objectContaining({ kind: "invalid-config" }),
      );
    }
  });

  test("leaves the list that it was given as it was", () => {
    const entries = [entry("/"), entry("/a/b"), entry("/a")];
    const before = structuredClone(entries);
    new MountTable(entries);
    expect(entries).toEqual(before);
  });
});

describe("asReadonly", () => {
  test("makes every entry read-only, the one that takes the rest included, and none of its own", () => {
    const table = new MountTable([entry("/a"), entry("/a/b", { priority: 3 })]);
    const readonly = table.asReadonly();
    for (const path of ["/", "/a", "/a/b", "/a/c", "/other"]) {
      expect(readonly.entryOf(path)).toEqual({ ...table.entryOf(path), readonly: true });
      expect(table.entryOf(path).readonly).toBe(false);
    }
  });
});

describe("hasEntryBelow", () => {
  const table = new MountTable([entry("/external/photos")]);

  test.each([
    ["/", true],
    ["/external", true],
    ["/external/photos", false],
    ["/external/photos/raw", false],
    ["/external/photo", false],
    ["/ext", false],
    ["/documents", false],
  ])("of %s is %s", (path, has) => {
    expect(table.hasEntryBelow(path)).toBe(has);
  });
});
