import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ErrorKind, NexusError } from "../../src/model/errors.js";
import { canonicalPath, checkName, isCanonical, splitPath } from "../../src/model/path.js";

/** The kind of the error that `action` throws; undefined when it throws none. */
function kindOf(action: () => unknown): ErrorKind | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof NexusError) return error.kind;
    throw error;
  }
}

const C0 = Array.from({ length: 0x20 }, (_, code) => code);
const DEL_AND_C1 = Array.from({ length: 0x21 }, (_, index) => 0x7f + index);

describe("canonicalPath", () => {
  test.each([
    ["/", "/"],
    ["//", "/"],
    ["///a//b/", "/a/b"],
    ["/a/", "/a"],
    ["/a/./b/.", "/a/b"],
    [".", "/"],
    ["a/b", "/a/b"],
    ["./a", "/a"],
    ["/a/../b", "/b"],
    ["/a/b/../../c", "/c"],
    ["/a/..", "/"],
    ["/a..b", "/a..b"],
    ["/file..txt", "/file..txt"],
    ["/...", "/..."],
    ["/..hidden", "/..hidden"],
    ["/a b/ c ", "/a b/ c "],
    ["/back\\slash", "/back\\slash"],
    ["/ünï/日本語/😀", "/ünï/日本語/😀"],
    ["/line\u2028separator", "/line\u2028separator"],
  ])("turns %j into %j", (path, canonical) => {
    expect(canonicalPath(path)).toBe(canonical);
  });

  test.each([
    ["an empty path", ""],
    ["a way above the root", "/.."],
    ["a way above the root and back", "/a/../../a"],
    ["a relative way above the root", "../a"],
    ["NUL", "/a\0b"],
    ["a high surrogate alone", "/\ud800"],
    ["a low surrogate alone", "/a\udc00b"],
    ["surrogates in the wrong order", "/\ude00\ud83d"],
    ["a control character in a part that .. takes back", "/a\nb/.."],
  ])("refuses %s", (_, path) => {
    expect(kindOf(() => canonicalPath(path))).toBe("invalid-path");
  });

  test.each([5, null, undefined, ["/a"]])("refuses %j, and says what it is", (value) => {
    const path = value as unknown as string;
    expect(kindOf(() => canonicalPath(path))).toBe("invalid-path");
    const found = value === null ? "null" : typeof value;
    expect(() => canonicalPath(path)).toThrow(`a path must be a text, not ${found}`);
  });

  test("keeps forms of Unicode apart, as Linux does", () => {
    expect(canonicalPath("/\u00e9")).not.toBe(canonicalPath("/e\u0301"));
  });

  test("is its own fixed point", () => {
    const component = fc.constantFrom("a", "b..c", ".", "..", "", "é", "...");
    fc.assert(
      fc.property(fc.array(component, { minLength: 1, maxLength: 12 }), (components) => {
        const path = `/${components.join("/")}`;
        fc.pre(kindOf(() => canonicalPath(path)) === undefined);
        const canonical = canonicalPath(path);
        expect(canonicalPath(canonical)).toBe(canonical);
        expect(canonical).toBe(`/${splitPath(path).join("/")}`);
        expect(canonical).not.toMatch(/\/\/|.\/$|\/\.\.?(\/|$)/);
      }),
    );
  });
});

describe("splitPath", () => {
  test.each<[string, string[]]>([
    ["/", []],
    ["/a", ["a"]],
    ["a/b//c/", ["a", "b", "c"]],
    ["/a/../b", ["b"]],
  ])("takes %j apart into %j", (path, components) => {
    expect(splitPath(path)).toEqual(components);
  });
});

describe("checkName", () => {
  test("returns a good name as it is", () => {
    for (const name of ["a", "file..txt", ".hidden", "...", "-rf", "~", "a b", "é", "\u00a0"]) {
      expect(checkName(name)).toBe(name);
    }
  });

  test.each(["", ".", "..", "a/b", "/"])("refuses %j", (name) => {
    expect(kindOf(() => checkName(name))).toBe("invalid-path");
  });

  test("refuses every control character, wherever it stands", () => {
    for (const code of [...C0, ...DEL_AND_C1]) {
      const control = String.fromCharCode(code);
      for (const name of [control, `${control}a`, `a${control}`, `é${control}é`]) {
        expect(kindOf(() => checkName(name))).toBe("invalid-path");
      }
    }
  });

  test.each([
    ["ASCII", "a".repeat(255), "a".repeat(256)],
    ["two-byte letters", `${"é".repeat(127)}a`, "é".repeat(128)],
    ["three-byte letters", "日".repeat(85), `${"日".repeat(85)}a`],
    ["four-byte letters", `${"😀".repeat(63)}abc`, "😀".repeat(64)],
  ])("takes 255 bytes of %s and no more", (_, longest, tooLong) => {
    expect(Buffer.byteLength(longest)).toBe(255);
    expect(Buffer.byteLength(tooLong)).toBe(256);
    expect(checkName(longest)).toBe(longest);
    expect(kindOf(() => checkName(tooLong))).toBe("name-too-long");
  });

  test("refuses text that is no Unicode, which UTF-8 would change", () => {
    for (const name of ["\ud800", "a\udc00", "\udc00\ud800"]) {
      expect(kindOf(() => checkName(name))).toBe("invalid-path");
    }
  });

  test("names what it refuses", () => {
    expect(() => checkName("a/b")).toThrow(expect.objectContaining({ path: "a/b" }));
  });
});

test("a path is canonical that is made of names", () => {
  for (const path of ["/", "/a", "/a b/é/file..txt"]) expect(isCanonical(path)).toBe(true);
  for (const path of ["", "a", "//", "/a/", "/a/../b", "/./a", "/a\u0001", `/${"a".repeat(256)}`]) {
    expect(isCanonical(path)).toBe(false);
  }
});
