import { describe, expect, test } from "vitest";
import { kindOfLater } from "../../support/error-kind.js";
import { caller } from "../../vfs/world.js";
import { FilesWorld } from "./files-world.js";

const PATHS = [
  "/a/b",
  "/a/b!",
  "/a-b",
  "/a!/x",
  "/a!!/x",
  "/a.txt",
  "/a/é",
  "/a0/z",
  "/b/c/d/e",
  "/z",
];

function inOrder(paths: readonly string[]): string[] {
  return [...paths].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

async function tree(): Promise<FilesWorld> {
  const world = new FilesWorld();
  await world.files.writeMany(PATHS.map((path) => ({ path, content: path })));
  return world;
}

async function all(pages: AsyncIterable<{ path: string }>): Promise<string[]> {
  const paths: string[] = [];
  for await (const { path } of pages) paths.push(path);
  return paths;
}

describe("a listing", () => {
  test("has all files in the order of whole paths as text", async () => {
    const world = await tree();
    expect(await all(world.files.walk())).toStrictEqual(inOrder(PATHS));
    world.expectNothingHeld();
  });

  test("has the directories, too, when asked", async () => {
    const world = await tree();
    const paths = await all(world.files.walk({ prefix: "/b", directories: true }));
    expect(paths).toStrictEqual(["/b/c", "/b/c/d", "/b/c/d/e"]);
    const { entries } = await world.files.list({ prefix: "/a", recursive: false });
    expect(entries.map(({ path }) => path)).toStrictEqual(["/a/b", "/a/b!", "/a/é"]);
  });

  test.each([1, 2, 3, 100])("comes in pages of %i with nothing twice or missing", async (limit) => {
    const world = await tree();
    const paths: string[] = [];
    for (let cursor: string | undefined, pages = 0; pages === 0 || cursor !== undefined; pages++) {
      const page = await world.files.list({ limit, directories: true, ...(cursor && { cursor }) });
      expect(page.entries.length).toBeLessThanOrEqual(limit);
      paths.push(...page.entries.map(({ path }) => path));
      cursor = page.cursor;
    }
    expect(paths).toStrictEqual(await all(world.files.walk({ directories: true })));
    world.expectNothingHeld();
  });

  test("goes on at the right place when what it stopped at is gone and others came", async () => {
    const world = await tree();
    const first = await world.files.list({ limit: 3 });
    const seen = first.entries.map(({ path }) => path);
    expect(seen.at(-1)).toBe("/a-b");
    await world.files.delete("/a-b");
    await world.files.write("/a--early", "before the cursor");
    await world.files.write("/a-c", "after it");
    const rest = await world.files.list({ cursor: first.cursor ?? "" });
    const expected = inOrder([...PATHS.filter((path) => !seen.includes(path)), "/a-c"]);
    expect(rest.entries.map(({ path }) => path)).toStrictEqual(expected);
  });

  test("leaves out what the identity may not enter", async () => {
    const world = new FilesWorld();
    for (const path of ["/workspace/acme/alice/f", "/workspace/beta/bob/f", "/shared/beta/f"]) {
      await world.files.write(path, "x");
    }
    const alice = world.as(caller("acme", "alice"));
    expect(await all(alice.walk())).toStrictEqual(["/workspace/acme/alice/f"]);
    expect(await kindOfLater(alice.list({ prefix: "/shared/beta" }))).toBe("access-denied");
    expect(await kindOfLater(alice.list({ prefix: "/shared/none" }))).toBe("access-denied");
    world.expectNothingHeld();
  });

  test("of a file has that file alone, and of nothing is refused", async () => {
    const world = await tree();
    const { entries, cursor } = await world.files.list({ prefix: "/z" });
    expect(entries.map(({ path }) => path)).toStrictEqual(["/z"]);
    expect(cursor).toBeUndefined();
    expect(await kindOfLater(world.files.list({ prefix: "/none" }))).toBe("not-found");
    expect(await kindOfLater(world.files.list({ cursor: "nonsense" }))).toBe("invalid-argument");
  });

  test("that is given up holds nothing", async () => {
    const world = await tree();
    for await (const { path } of world.files.walk()) if (path.startsWith("/b")) break;
    const controller = new AbortController();
    const walking = (async () => {
      for await (const _ of world.files.walk({ signal: controller.signal })) controller.abort();
    })();
    expect(await kindOfLater(walking)).toBe("interrupted");
    world.expectNothingHeld();
  });
});
