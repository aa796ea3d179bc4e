import { describe, expect, test } from "vitest";
import type { ListedFile } from "../../../src/features/files/files.js";
import { FileSearch } from "../../../src/features/search/file-search.js";
import type { GlobOptions, SearchProgress } from "../../../src/features/search/search.js";
import { kindOfLater } from "../../support/error-kind.js";
import { collected } from "./collected.js";
import { FakeFiles } from "./fake-files.js";

async function glob(files: FakeFiles, pattern: string, options?: GlobOptions): Promise<string[]> {
  return await collected(new FileSearch({ files }).glob(pattern, options));
}

function tree(...paths: string[]): FakeFiles {
  return new FakeFiles(Object.fromEntries(paths.map((path) => [path, ""])));
}

/** Thousands of directories, one in the other, and a file at the bottom. */
class DeepFiles extends FakeFiles {
  readonly bottom = "/d".repeat(5_000);

  constructor() {
    super({ "/d/f": "" });
  }

  override async *walk({ prefix = "/" } = {}): AsyncGenerator<ListedFile> {
    const name = prefix === this.bottom ? "f" : "d";
    const entry = await this.stat(name === "f" ? "/d/f" : "/d", { etag: false });
    yield { ...entry, path: `${prefix === "/" ? "" : prefix}/${name}` };
  }
}

describe("glob", () => {
  test("goes as deep as there are directories", async () => {
    const files = new DeepFiles();
    expect(await glob(files, "**/f")).toEqual([`${files.bottom}/f`]);
  });

  test("yields files alone, in the order of their paths as text", async () => {
    const paths = [
      "/a",
      "/b!/x",
      "/b!c/x",
      "/b-/x",
      "/b-c",
      "/b/a",
      "/b/z/y",
      "/b0",
      "/bc/x",
      "/c",
    ];
    const files = tree(...paths);
    expect(await glob(files, "**")).toEqual([...paths].sort());
  });

  test("yields directories, too, when told", async () => {
    const files = tree("/a/b/c", "/a-/d");
    const all = ["/a", "/a-", "/a-/d", "/a/b", "/a/b/c"];
    expect(await glob(files, "**", { directories: true })).toEqual(all);
    expect(await glob(files, "**/")).toEqual(["/a", "/a-", "/a/b"]);
  });

  test("is relative to the path, unless the pattern is absolute", async () => {
    const files = tree("/src/a.ts", "/src/b/c.ts", "/test/a.ts");
    expect(await glob(files, "*.ts", { path: "/src" })).toEqual(["/src/a.ts"]);
    expect(await glob(files, "**/*.ts", { path: "src/" })).toEqual(["/src/a.ts", "/src/b/c.ts"]);
    expect(await glob(files, "/test/*.ts", { path: "/src" })).toEqual(["/test/a.ts"]);
  });

  test("leaves hidden names out, unless told", async () => {
    const files = tree("/.git/x", "/.a", "/b/.c", "/b/d");
    expect(await glob(files, "**")).toEqual(["/b/d"]);
    expect(await glob(files, "**", { dot: true })).toEqual(["/.a", "/.git/x", "/b/.c", "/b/d"]);
  });

  test("lists only directories in which something can match", async () => {
    const files = tree("/src/a/x.ts", "/src/b/c/y.ts", "/test/a/x.ts", "/z.ts");
    expect(await glob(files, "/src/*/*.ts")).toEqual(["/src/a/x.ts"]);
    expect(files.listed).toEqual(["/src", "/src/a", "/src/b"]);
  });

  test("lists nothing where the pattern says all names", async () => {
    const files = tree("/src/a.ts", "/src/c.ts", "/test/b.ts");
    expect(await glob(files, "{test/b,src/{c,a},src/x,y/z}.ts")).toEqual([
      "/src/a.ts",
      "/src/c.ts",
      "/test/b.ts",
    ]);
    expect(files.listed).toEqual([]);
  });

  test("follows a symlink only where the pattern says its name", async () => {
    const files = tree("/real/a", "/other");
    files.symlink("/link", "/real");
    files.symlink("/real/up", "/");
    expect(await glob(files, "**")).toEqual(["/link", "/other", "/real/a", "/real/up"]);
    expect(await glob(files, "link/*")).toEqual(["/link/a", "/link/up"]);
    expect(await glob(files, "link/a")).toEqual(["/link/a"]);
    expect(await glob(files, "{l,r}*/a")).toEqual(["/real/a"]);
    expect(await glob(files, "{link,x*}/a")).toEqual(["/link/a"]);
    expect(await glob(files, "**", { path: "/link" })).toEqual(["/link/a", "/link/up"]);
  });

  test("leaves out what the identity may not enter, and what leads nowhere", async () => {
    const files = tree("/workspace/acme/a", "/workspace/other/a");
    files.denied.add("/workspace/other");
    files.symlink("/round", "/round");
    expect(await glob(files, "/workspace/*/a")).toEqual(["/workspace/acme/a"]);
    expect(await glob(files, "/workspace/other/a")).toEqual([]);
    expect(await glob(files, "/workspace/other/*")).toEqual([]);
    expect(await glob(files, "/round/*")).toEqual([]);
    expect(await glob(files, "/nothing/*/a")).toEqual([]);
  });

  test("leaves out a directory that vanishes before it is listed", async () => {
    const files = tree("/a/x", "/b/x", "/c/x");
    const found: string[] = [];
    for await (const path of new FileSearch({ files }).glob("**", { directories: true })) {
      found.push(path);
      if (path === "/b") {
        files.remove("/b/x");
        files.remove("/b");
      }
    }
    expect(found).toEqual(["/a", "/a/x", "/b", "/c", "/c/x"]);
  });

  test("needs a directory to look in that is there and open to the identity", async () => {
    const files = tree("/file", "/closed/a");
    files.denied.add("/closed");
    expect(await kindOfLater(glob(files, "*", { path: "/file" }))).toBe("not-a-directory");
    expect(await kindOfLater(glob(files, "*", { path: "/none" }))).toBe("not-found");
    expect(await kindOfLater(glob(files, "*", { path: "/closed" }))).toBe("access-denied");
  });

  test("is interrupted by the signal", async () => {
    const files = tree("/a", "/b", "/c");
    const abort = new AbortController();
    const found: string[] = [];
    const search = async () => {
      for await (const path of new FileSearch({ files }).glob("*", { signal: abort.signal })) {
        found.push(path);
        abort.abort();
      }
    };
    expect(await kindOfLater(search())).toBe("interrupted");
    expect(found).toEqual(["/a"]);
    expect(await kindOfLater(glob(files, "*", { signal: abort.signal }))).toBe("interrupted");
  });

  test("tells of its progress every hundred entries and at the end", async () => {
    const files = tree(...Array.from({ length: 250 }, (_, index) => `/${1_000 + index}`));
    const told: SearchProgress[] = [];
    await glob(files, "*9", { onProgress: (progress) => told.push(progress) });
    expect(told).toEqual([
      { filesSeen: 100, bytesRead: 0, path: "/1099" },
      { filesSeen: 200, bytesRead: 0, path: "/1199" },
      { filesSeen: 250, bytesRead: 0, path: "/1249" },
    ]);
  });
});
