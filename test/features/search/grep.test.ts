import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { FileSearch } from "../../../src/features/search/file-search.js";
import type {
  GrepMatch,
  GrepOptions,
  SearchProgress,
} from "../../../src/features/search/search.js";
import { kindOfLater } from "../../support/error-kind.js";
import { collected } from "./collected.js";
import { FakeFiles } from "./fake-files.js";

async function grep(
  files: FakeFiles,
  pattern: string | RegExp,
  options?: GrepOptions,
): Promise<GrepMatch[]> {
  return await collected(new FileSearch({ files }).grep(pattern, options));
}

/** `path:number:line`, as grep -n has it. */
async function grepText(...args: Parameters<typeof grep>): Promise<string[]> {
  return (await grep(...args)).map(({ path, lineNumber, line }) => `${path}:${lineNumber}:${line}`);
}

describe("what grep finds", () => {
  test("are lines with their place, file by file in order", async () => {
    const files = new FakeFiles({
      "/b/x": "one\ntwo\r\nthree two two",
      "/b-": "two\n",
      "/.hidden/a": "two",
      "/c": "nothing",
    });
    expect(await grep(files, "tw.")).toEqual([
      { path: "/.hidden/a", lineNumber: 1, line: "two", start: 0, end: 3, before: [], after: [] },
      { path: "/b-", lineNumber: 1, line: "two", start: 0, end: 3, before: [], after: [] },
      { path: "/b/x", lineNumber: 2, line: "two", start: 0, end: 3, before: [], after: [] },
      {
        path: "/b/x",
        lineNumber: 3,
        line: "three two two",
        start: 6,
        end: 9,
        before: [],
        after: [],
      },
    ]);
  });

  test("doesn't depend on the chunks in which a content comes", async () => {
    const files = new FakeFiles({ "/a": "ä😀ö\r\n😀\r\nß" });
    const found = await grepText(files, ".");
    expect(found).toEqual(["/a:1:ä😀ö", "/a:2:😀", "/a:3:ß"]);
    for (files.chunkBytes = 1; files.chunkBytes < 8; files.chunkBytes += 1) {
      expect(await grepText(files, ".")).toEqual(found);
    }
  });

  test.each([
    ["a.c", {}, ["/a:1:abc", "/a:2:a.c"]],
    ["a.c", { fixedString: true }, ["/a:2:a.c"]],
    ["A.C", { fixedString: true }, ["/a:4:A.C"]],
    ["A.C", { fixedString: true, ignoreCase: true }, ["/a:2:a.c", "/a:4:A.C"]],
    ["aBC", { ignoreCase: true }, ["/a:1:abc", "/a:3:ABC"]],
    [/^a.c$/gi, {}, ["/a:1:abc", "/a:2:a.c", "/a:3:ABC", "/a:4:A.C"]],
    [/b/y, {}, []],
    [/\p{Lu}c/u, { ignoreCase: true }, ["/a:1:abc", "/a:3:ABC"]],
    ["^$", {}, ["/a:5:"]],
    ["\\[a-z]+ \\\\", { fixedString: true, ignoreCase: true }, ["/a:6:\\[a-z]+ \\\\"]],
  ] satisfies [string | RegExp, GrepOptions, string[]][])(
    "%s with %j",
    async (pattern, options, found) => {
      const files = new FakeFiles({ "/a": "abc\na.c\nABC\nA.C\n\n\\[a-z]+ \\\\\n" });
      expect(await grepText(files, pattern, options)).toEqual(found);
    },
  );

  test("leaves the caller's expression as it was", async () => {
    const expression = /b/g;
    expression.lastIndex = 7;
    await grep(new FakeFiles({ "/a": "b\nb" }), expression);
    expect(expression.lastIndex).toBe(7);
  });

  test("has context, which matches close by share", async () => {
    const files = new FakeFiles({ "/a": "1\n2\nx3\nx4\n5\n6\nx7" });
    const found = await grep(files, "x", { before: 2, after: 3 });
    expect(found.map(({ before, line, after }) => [before, line, after])).toEqual([
      [["1", "2"], "x3", ["x4", "5", "6"]],
      [["2", "x3"], "x4", ["5", "6", "x7"]],
      [["5", "6"], "x7", []],
    ]);
  });

  test("has no context from the file before", async () => {
    const files = new FakeFiles({ "/a": "1\nx", "/b": "x\n2" });
    const found = await grep(files, "x", { before: 1, after: 1 });
    expect(found.map(({ before, after }) => [before, after])).toEqual([
      [["1"], []],
      [[], ["2"]],
    ]);
  });
});

describe("what grep looks at", () => {
  test.each([
    [{ fileGlob: "*.ts" }, ["/.x.ts", "/src/a.ts", "/src/b/c.ts"]],
    [{ fileGlob: "src/*.ts" }, ["/src/a.ts"]],
    [{ path: "/src", fileGlob: "b/*" }, ["/src/b/c.ts"]],
    [{ path: "/src" }, ["/src/a.ts", "/src/b/c.ts"]],
    [{ path: "/src/a.ts" }, ["/src/a.ts"]],
    [{ path: "/src/a.ts", fileGlob: "*.js" }, []],
    [{ path: "/link" }, ["/link"]],
    [{ path: "/fifo" }, []],
  ])("%j", async (options, paths) => {
    const contents = ["/.x.ts", "/src/a.ts", "/src/b/c.ts", "/z.js"].map((path) => [path, "x"]);
    const files = new FakeFiles(Object.fromEntries(contents));
    files.symlink("/link", "/z.js");
    files.add("/fifo", "x");
    const stat = files.stat.bind(files);
    files.stat = async (path, how) => {
      const found = await stat(path, how);
      return path === "/fifo" ? { ...found, type: "other" } : found;
    };
    expect((await grep(files, "x", options)).map(({ path }) => path)).toEqual(paths);
  });

  test("are no binary files: those with a NUL in the first 8 KiB", async () => {
    const files = new FakeFiles({
      "/binary": `x${"-".repeat(8_190)}\0`,
      "/text": `x${"-".repeat(8_191)}\0`,
    });
    files.chunkBytes = 5_000;
    expect((await grep(files, "x")).map(({ path }) => path)).toEqual(["/text"]);
    files.chunkBytes = 100_000;
    expect((await grep(files, "x")).map(({ path }) => path)).toEqual(["/text"]);
    expect(files.streams.every(({ destroyed }) => destroyed)).toBe(true);
  });

  test("is not a file that vanishes before it is read", async () => {
    const files = new FakeFiles({ "/a": "x", "/b": "x", "/c": "x" });
    files.beforeReading = (path) => path === "/b" && files.remove("/b");
    expect(await grepText(files, "x")).toEqual(["/a:1:x", "/c:1:x"]);
  });
});

describe("grep ends", () => {
  test("with the error of a file that can't be read", async () => {
    const files = new FakeFiles({ "/a": "x", "/b": "x" });
    files.broken.add("/b");
    expect(await kindOfLater(grep(files, "x"))).toBe("io-failure");
  });

  test("at the limit: nothing further is read, and nothing stays open", async () => {
    const files = new FakeFiles({ "/a": "x\n", "/b": "x\n".repeat(100_000), "/c": "x\n" });
    const read: number[] = [];
    const onProgress = ({ bytesRead }: SearchProgress) => read.push(bytesRead);
    expect(await grepText(files, "x", { limit: 2, onProgress })).toEqual(["/a:1:x", "/b:1:x"]);
    expect(read).toEqual([2 + files.chunkBytes]);
    expect(files.streams.map(({ destroyed }) => destroyed)).toEqual([true, true]);
    expect(await grep(files, "x", { limit: 0 })).toEqual([]);
  });

  test("when the last match that is wanted has its context, in which others don't count", async () => {
    const files = new FakeFiles({ "/a": "x1\nx2\n3\n4\n", "/b": "x" });
    const found = await grep(files, "x", { limit: 1, after: 2 });
    expect(found.map(({ line, after }) => [line, after])).toEqual([["x1", ["x2", "3"]]]);
  });

  test("when nobody wants more, and the stream is closed", async () => {
    const files = new FakeFiles({ "/a": "x\n".repeat(100_000) });
    for await (const { lineNumber } of new FileSearch({ files }).grep("x")) {
      if (lineNumber === 3) break;
    }
    expect(files.streams.map(({ destroyed }) => destroyed)).toEqual([true]);
  });

  test("by the signal: between matches, in a file without any, and before it begins", async () => {
    const files = new FakeFiles({ "/a": "x\nx\n", "/b": "y\n".repeat(100_000), "/c": "x" });
    const between = new AbortController();
    const found: number[] = [];
    const search = async () => {
      for await (const match of new FileSearch({ files }).grep("x", { signal: between.signal })) {
        found.push(match.lineNumber);
        between.abort();
      }
    };
    expect(await kindOfLater(search())).toBe("interrupted");
    expect(found).toEqual([1]);

    const inside = new AbortController();
    files.beforeReading = (path) => path === "/b" && inside.abort();
    expect(await kindOfLater(grep(files, "x", { signal: inside.signal }))).toBe("interrupted");
    expect(files.streams.every(({ destroyed }) => destroyed)).toBe(true);

    const opened = files.streams.length;
    expect(await kindOfLater(grep(files, "x", { signal: inside.signal }))).toBe("interrupted");
    expect(files.streams.length).toBe(opened);
  });

  test("by the signal while a content doesn't come", async () => {
    const files = new FakeFiles({ "/a": "x" });
    const abort = new AbortController();
    files.createReadStream = (_path, { signal } = {}) => {
      const read = () => void setImmediate(() => abort.abort());
      return new Readable({ read, ...(signal && { signal }) });
    };
    expect(await kindOfLater(grep(files, "x", { signal: abort.signal }))).toBe("interrupted");
  });

  test.each([
    ["(", {}],
    ["x", { fileGlob: "[" }],
    ["x", { before: -1 }],
    ["x", { after: 0.5 }],
    ["x", { limit: Number.NaN }],
    ["x\ny", { fixedString: true }],
    [/x/, { fixedString: true }],
  ] satisfies [string | RegExp, GrepOptions][])(
    "before it begins with %s and %j: invalid-argument",
    async (pattern, options) => {
      const files = new FakeFiles({ "/a": "x" });
      expect(await kindOfLater(grep(files, pattern, options))).toBe("invalid-argument");
      expect(files.streams).toEqual([]);
    },
  );

  test("before it begins where there is nothing, or nothing to see", async () => {
    const files = new FakeFiles({ "/closed/a": "x" });
    files.denied.add("/closed");
    expect(await kindOfLater(grep(files, "x", { path: "/none" }))).toBe("not-found");
    expect(await kindOfLater(grep(files, "x", { path: "/closed" }))).toBe("access-denied");
    expect(await grep(files, "x")).toEqual([]);
  });
});

test("grep tells of its progress every hundred files, every 8 MiB, and at the end", async () => {
  const files = new FakeFiles({ "/big": Buffer.alloc(9 * 1024 * 1024, `${"-".repeat(63)}\n`) });
  for (let index = 0; index < 150; index += 1) files.add(`/dir/${1_000 + index}`, "12");
  files.chunkBytes = 1024 * 1024;
  const told: SearchProgress[] = [];
  await grep(files, "x", { onProgress: (progress) => told.push(progress) });
  expect(told).toEqual([
    { filesSeen: 1, bytesRead: 8 * 1024 * 1024, path: "/big" },
    { filesSeen: 101, bytesRead: 9 * 1024 * 1024 + 198, path: "/dir/1099" },
    { filesSeen: 151, bytesRead: 9 * 1024 * 1024 + 300, path: "/dir/1149" },
  ]);
});
