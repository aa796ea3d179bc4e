import { describe, expect, test } from "vitest";
import { FileSearch } from "../../../src/features/search/file-search.js";
import type { SearchProgress } from "../../../src/features/search/search.js";
import { kindOfLater } from "../../support/error-kind.js";
import { FakeFiles, hashOf } from "./fake-files.js";

describe("findDuplicates", () => {
  test("groups files with equal contents, what wastes most first", async () => {
    const files = new FakeFiles({
      "/a": "aa",
      "/b/a": "aa",
      "/b/b": "aa",
      "/c": "cccc",
      "/d": "cccc",
      "/e": "long and alone",
      "/f": "dddddddd",
      "/g": "dddddddd",
      "/h": "zz",
      "/i": "",
      "/j": "",
    });
    const group = (content: string, ...paths: string[]) => {
      return { contentHash: hashOf(content), sizeBytes: content.length, paths };
    };
    const equal = [group("aa", "/a", "/b/a", "/b/b"), group("cccc", "/c", "/d")].sort(
      (one, other) => (one.contentHash < other.contentHash ? -1 : 1),
    );
    expect(await new FileSearch({ files }).findDuplicates()).toEqual({
      totalFiles: 11,
      uniqueHashes: 6,
      duplicateGroups: 4,
      duplicateFiles: 9,
      duplicates: [group("dddddddd", "/f", "/g"), ...equal, group("", "/i", "/j")],
    });
  });

  test("asks only for the hashes of files whose size others have", async () => {
    const files = new FakeFiles({ "/a": "1", "/b": "22", "/c": "2x", "/d": "333" });
    const report = await new FileSearch({ files }).findDuplicates();
    expect(files.hashed).toEqual(["/b", "/c"]);
    expect(report).toMatchObject({ totalFiles: 4, uniqueHashes: 4, duplicates: [] });
  });

  test("counts hard links as one file, under the first path", async () => {
    const files = new FakeFiles({ "/b": "same", "/d": "same" });
    files.link("/a", "/b");
    files.link("/c", "/b");
    expect(await new FileSearch({ files }).findDuplicates()).toMatchObject({
      totalFiles: 2,
      uniqueHashes: 1,
      duplicateFiles: 2,
      duplicates: [{ paths: ["/a", "/d"] }],
    });
  });

  test("has nothing to do with symlinks and with what is being written", async () => {
    const files = new FakeFiles({ "/a": "same", "/b": "same", "/c": "same" });
    files.symlink("/l", "/a");
    files.written.add("/c");
    expect(await new FileSearch({ files }).findDuplicates()).toMatchObject({
      totalFiles: 3,
      uniqueHashes: 1,
      duplicates: [{ paths: ["/a", "/b"] }],
    });
  });

  test("leaves out what vanishes before it is looked at", async () => {
    const files = new FakeFiles({ "/a": "same", "/b": "same", "/c": "same" });
    const stat = files.stat.bind(files);
    files.stat = async (path, options) => {
      if (path === "/b") files.remove(path);
      return await stat(path, options);
    };
    expect(await new FileSearch({ files }).findDuplicates()).toMatchObject({
      totalFiles: 2,
      duplicates: [{ paths: ["/a", "/c"] }],
    });
  });

  test("looks below the prefix alone", async () => {
    const files = new FakeFiles({ "/x/a": "same", "/x/b": "same", "/y": "same" });
    expect(await new FileSearch({ files }).findDuplicates({ prefix: "x/" })).toMatchObject({
      totalFiles: 2,
      duplicates: [{ paths: ["/x/a", "/x/b"] }],
    });
  });

  test("is interrupted by the signal, and tells of its progress", async () => {
    const files = new FakeFiles({ "/a": "same", "/b": "same" });
    const abort = new AbortController();
    const told: SearchProgress[] = [];
    const search = new FileSearch({ files });
    await search.findDuplicates({ onProgress: (progress) => told.push(progress) });
    expect(told).toEqual([{ filesSeen: 2, bytesRead: 0, path: "/b" }]);
    const stat = FakeFiles.prototype.stat.bind(files);
    files.stat = async (path, options) => {
      abort.abort();
      return await stat(path, options);
    };
    expect(await kindOfLater(search.findDuplicates({ signal: abort.signal }))).toBe("interrupted");
    expect(files.hashed).toEqual(["/a", "/b", "/a"]);
  });
});
