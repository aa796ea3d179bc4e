import type { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { Files } from "../../../src/features/files/files.js";
import { FileSearch } from "../../../src/features/search/file-search.js";
import { kindOfLater } from "../../support/error-kind.js";
import { caller, World } from "../../vfs/world.js";
import { collected } from "./collected.js";
import { hashOf } from "./fake-files.js";

const CONTENTS = {
  "/src/a.ts": "const a = 1;\nconst b = a;\n",
  "/src/a-b.ts": "a",
  "/src/a/deep/er.ts": "const deep = true;\n",
  "/src/.hidden/x.ts": "const hidden = 1;\n",
  "/data/binary": "const\0",
  "/data/empty": "",
  "/data/none": "",
};

async function realFiles(contents: Readonly<Record<string, string>> = CONTENTS) {
  const world = new World();
  const files = filesOf(world);
  for (const [path, content] of Object.entries(contents)) await files.write(path, content);
  return { world, files, search: new FileSearch({ files }) };
}

function filesOf(world: World, ...identity: Parameters<typeof caller>): Files {
  return world.nexus.featuresFor(caller(...identity).identity).files;
}

describe("on the real files", () => {
  test("glob finds paths in order", async () => {
    const { search } = await realFiles();
    expect(await collected(search.glob("src/**/*.ts"))).toEqual([
      "/src/a-b.ts",
      "/src/a.ts",
      "/src/a/deep/er.ts",
    ]);
    expect(await collected(search.glob("**", { path: "/src/a", directories: true }))).toEqual([
      "/src/a/deep",
      "/src/a/deep/er.ts",
    ]);
    expect(await collected(search.glob("/data/{none,empty,nothing}"))).toEqual([
      "/data/empty",
      "/data/none",
    ]);
  });

  test("grep finds lines, in what has just been written, too", async () => {
    const { files, search } = await realFiles();
    const found = async (pattern: string) => {
      const matches = await collected(search.grep(pattern));
      return matches.map(({ path, lineNumber }) => `${path}:${lineNumber}`);
    };
    expect(await found("^const")).toEqual([
      "/src/.hidden/x.ts:1",
      "/src/a.ts:1",
      "/src/a.ts:2",
      "/src/a/deep/er.ts:1",
    ]);
    await files.append("/src/a.ts", "new line");
    expect(await found("new line$")).toEqual(["/src/a.ts:3"]);
  });

  test("grep in a large file ends at the limit and leaves nothing open", async () => {
    const { world, files, search } = await realFiles({
      "/big": `${"-".repeat(95)}abcde\n`.repeat(20_000),
    });
    const streams: Readable[] = [];
    const createReadStream = files.createReadStream.bind(files);
    files.createReadStream = (...args) => {
      streams.push(createReadStream(...args));
      return streams.at(-1) ?? expect.fail();
    };
    const read: number[] = [];
    const onProgress = ({ bytesRead }: { bytesRead: number }) => read.push(bytesRead);
    const found = await collected(search.grep("abc", { limit: 3, onProgress }));
    expect(found.map(({ lineNumber }) => lineNumber)).toEqual([1, 2, 3]);
    expect(read.at(-1)).toBeLessThan(1024 * 1024);
    await world.settle();
    // Closed only once the handle is released.
    expect(streams.map(({ closed }) => closed)).toEqual([true]);
    expect((await collected(search.grep("e$"))).length).toBe(20_000);
  });

  test("findDuplicates waits until contents are sealed", async () => {
    const { files, search } = await realFiles();
    await files.copy("/src/a.ts", "/src/copy.ts");
    await files.write("/src/same-size", "b");
    const sizeBytes = CONTENTS["/src/a.ts"].length;
    const contentHash = hashOf(CONTENTS["/src/a.ts"]);
    expect(await search.findDuplicates()).toEqual({
      totalFiles: 9,
      uniqueHashes: 7,
      duplicateGroups: 2,
      duplicateFiles: 4,
      duplicates: [
        { contentHash, sizeBytes, paths: ["/src/a.ts", "/src/copy.ts"] },
        { contentHash: hashOf(""), sizeBytes: 0, paths: ["/data/empty", "/data/none"] },
      ],
    });
  });

  test("an agent finds what it may see, and isn't told of the rest", async () => {
    const { world } = await realFiles({
      "/workspace/acme/one/x": "secret of one\n",
      "/workspace/acme/two/x": "secret of two\n",
      "/shared/acme/x": "secret of acme\n",
      "/shared/other/x": "secret of acme\n",
      "/open": "secret of nobody\n",
    });
    const search = new FileSearch({ files: filesOf(world, "acme", "one") });
    const visible = ["/open", "/shared/acme/x", "/workspace/acme/one/x"];
    expect(await collected(search.glob("**"))).toEqual(visible);
    expect(await collected(search.glob("/{workspace,shared}/*/{two/,}x"))).toEqual([
      "/shared/acme/x",
    ]);
    expect((await collected(search.grep("secret"))).map(({ path }) => path)).toEqual(visible);
    expect(await search.findDuplicates()).toMatchObject({ totalFiles: 3, duplicates: [] });

    const refused = { path: "/shared/other", prefix: "/shared/other" };
    for (const attempt of [
      collected(search.glob("*", refused)),
      collected(search.grep("x", refused)),
      search.findDuplicates(refused),
    ]) {
      expect(await kindOfLater(attempt)).toBe("access-denied");
    }
  });
});
