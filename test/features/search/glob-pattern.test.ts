import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseFileGlob, parseGlob } from "../../../src/features/search/glob-pattern.js";
import { kindOf, messageThrown } from "../../support/error-kind.js";
import { countAlternatives, naivelyMatches, someName, somePattern, textOf } from "./naive-glob.js";

function matches(pattern: string, path: string, { dot = false } = {}): boolean {
  let position = parseGlob(pattern, { dot });
  for (const name of path.split("/")) position = position.after(name);
  return position.accepts({ isDirectory: false });
}

describe("a pattern", () => {
  test.each([
    ["*.ts", "a.ts", true],
    ["*.ts", "a/b.ts", false],
    ["*.ts", "a.tsx", false],
    ["?.ts", "a.ts", true],
    ["?.ts", ".ts", false],
    ["?.ts", "😀.ts", true],
    ["a*b*c", "aXbYbZc", true],
    ["a*b*c", "aXcYb", false],
    ["**/*.ts", "a.ts", true],
    ["**/*.ts", "a/b/c.ts", true],
    ["a/**", "a/b/c", true],
    ["a/**", "a", false],
    ["a/**/b", "a/b", true],
    ["a/**/**/b", "a/x/y/b", true],
    ["a/**/b", "a/x/c", false],
    ["a**b", "axxb", true],
    ["a**b", "a/b", false],
    ["[abc]", "b", true],
    ["[abc]", "d", false],
    ["[!abc]", "d", true],
    ["[!abc]", "a", false],
    ["[^abc]", "d", true],
    ["[a-c]x[0-9]", "bx7", true],
    ["[a-c]", "d", false],
    ["[]a]", "]", true],
    ["[!]a]", "]", false],
    ["[a-]", "-", true],
    ["[-a]", "-", true],
    ["[a\\-c]", "b", false],
    ["[\\]]", "]", true],
    ["[a-c-e]", "-", true],
    ["[😀-😂]", "😁", true],
    ["{a,b}.ts", "b.ts", true],
    ["{a,b}.ts", "c.ts", false],
    ["{a,b{c,d}}e", "bde", true],
    ["{a,b{c,d}}e", "be", false],
    ["{a/b,c}/d", "a/b/d", true],
    ["{a/b,c}/d", "c/d", true],
    ["{src,test}/**/*.{ts,tsx}", "test/x/y.tsx", true],
    ["{[,],b}", ",", true],
    ["{a\\,b,c}", "a,b", true],
    ["a{,b}", "a", true],
    ["\\*", "*", true],
    ["\\*", "a", false],
    ["\\{a,b\\}", "{a,b}", true],
    ["a}", "a}", true],
    ["a,b", "a,b", true],
    ["a(b|c)+.$^", "a(b|c)+.$^", true],
    ["./a//b", "a/b", true],
    ["/a/b", "a/b", true],
  ])("%s, and %s: %s", (pattern, path, expected) => {
    expect(matches(pattern, path)).toBe(expected);
  });

  test.each([
    ["*", ".a", false],
    [".*", ".a", true],
    ["?a", ".a", false],
    ["[.]a", ".a", false],
    ["**/a", ".b/a", false],
    ["**/.b/a", "x/.b/a", true],
    ["**", "a/.b", false],
    ["{*,.b}", ".b", true],
    ["\\.b", ".b", true],
  ])("%s sees hidden names only where it says the dot: %s: %s", (pattern, path, expected) => {
    expect(matches(pattern, path)).toBe(expected);
    expect(matches(pattern, path, { dot: true })).toBe(true);
  });

  test("with a slash at its end is for directories", () => {
    const position = parseGlob("a*/", { dot: false }).after("ab");
    expect(position.accepts({ isDirectory: true })).toBe(true);
    expect(position.accepts({ isDirectory: false })).toBe(false);
  });

  test.each([
    ["has no name to match", ""],
    ["has no name to match", "/"],
    ["can't be '..'", "a/.."],
    ["control characters", "a\nb"],
    ["has no ']'", "[abc"],
    ["has no ']'", "a[b/c]"],
    ["ends before it begins", "[c-a]"],
    ["write a range like [0-9]", "[[:digit:]]"],
    ["has no '}'", "{a,b"],
    ["has no '}'", "{a,{b,c}"],
    ["without a comma", "{ts}"],
    ["without a comma", "{1..3}"],
    ["ends with '\\'", "a\\"],
    ["has more", "{a,b}".repeat(11)],
    ["deep", "{a,".repeat(40)],
    ["at most", "a".repeat(5_000)],
  ])("one that is wrong is refused and told why: %s", (reason, pattern) => {
    const parse = () => parseGlob(pattern, { dot: false });
    expect(kindOf(parse)).toBe("invalid-argument");
    expect(messageThrown(parse)).toContain(reason);
  });

  test("matches what a matcher that tries everything matches", () => {
    const paths = fc.array(someName, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(somePattern, paths, fc.boolean(), (pattern, names, dot) => {
        fc.pre(countAlternatives(pattern) <= 1_000);
        const expected = naivelyMatches(pattern, names, { dot });
        expect(matches(textOf(pattern), names.join("/"), { dot })).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  test("with many stars is as quick on a name that almost matches", () => {
    const name = "a".repeat(255);
    const before = process.cpuUsage();
    expect(matches(`${"*a".repeat(100)}b`, name)).toBe(false);
    expect(process.cpuUsage(before).user).toBeLessThan(1_000_000);
  });
});

describe("a position", () => {
  test("leads nowhere where nothing can match any more", () => {
    const start = parseGlob("src/*.ts", { dot: false });
    expect(start.after("test").leadsOn).toBe(false);
    expect(start.after("src").leadsOn).toBe(true);
    expect(start.after("src").after("a.ts").leadsOn).toBe(false);
  });

  test("knows the names to look up", () => {
    const start = parseGlob("{b,a}/c/*", { dot: false });
    expect(start.literals).toEqual(["a", "b"]);
    expect(start.after("a").literals).toEqual(["c"]);
    expect(start.after("a").after("c").literals).toBeUndefined();
    expect(parseGlob("**/a", { dot: false }).literals).toBeUndefined();
  });
});

test.each([
  ["*.ts", "x/.y/a.ts", true],
  ["*.ts", ".a.ts", true],
  ["src/*.ts", "src/a.ts", true],
  ["src/*.ts", "x/src/a.ts", false],
  ["/*.ts", "a.ts", true],
  ["/*.ts", "src/a.ts", false],
])("the file glob %s, and %s: %s", (pattern, path, expected) => {
  let position = parseFileGlob(pattern);
  for (const name of path.split("/")) position = position.after(name);
  expect(position.accepts({ isDirectory: false })).toBe(expected);
});
