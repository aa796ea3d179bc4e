import { describe, expect, test } from "vitest";
import { FileSearch } from "../../../src/features/search/file-search.js";
import { FilesWorld } from "./files-world.js";

/** More than calls can nest. */
const LEVELS = 3_000;
const DEEP = "/d".repeat(LEVELS);

async function deepTree(): Promise<FilesWorld> {
  const world = new FilesWorld();
  await world.files.writeMany([
    { path: `${DEEP}/f`, content: "deep" },
    { path: `${DEEP}-late`, content: "deep" },
  ]);
  return world;
}

describe("a tree that is thousands of directories deep", () => {
  test("is listed in order, in pages that go on at the bottom", async () => {
    const world = await deepTree();
    const paths: string[] = [];
    for await (const { path } of world.files.walk({ prefix: "/d" })) paths.push(path);
    expect(paths).toStrictEqual([`${DEEP}-late`, `${DEEP}/f`]);
    const first = await world.files.list({ prefix: "/d", directories: true, limit: LEVELS });
    expect(first.entries.at(-1)?.path).toBe(`${DEEP}-late`);
    const second = await world.files.list({ prefix: "/d", cursor: first.cursor ?? "" });
    expect(second.entries.map(({ path }) => path)).toStrictEqual([`${DEEP}/f`]);
    expect(second.cursor).toBeUndefined();
    world.expectNothingHeld();
  });

  test("is listed no further once nobody asks, and holds nothing then", async () => {
    const world = await deepTree();
    for await (const { path } of world.files.walk({ prefix: "/d" })) {
      if (path.endsWith("/f")) break;
    }
    world.expectNothingHeld();
  });

  test("is searched for duplicates", async () => {
    const { files } = await deepTree();
    const { duplicates } = await new FileSearch({ files }).findDuplicates();
    expect(duplicates.map(({ paths }) => paths)).toStrictEqual([[`${DEEP}-late`, `${DEEP}/f`]]);
  });

  test("is copied and removed", async () => {
    const world = await deepTree();
    await world.files.copy("/d", "/copy", { recursive: true });
    await world.files.rmdir("/d", { recursive: true });
    expect(await world.files.exists("/d")).toBe(false);
    expect(await world.text(`/copy${DEEP.slice(2)}/f`)).toBe("deep");
    world.expectNothingHeld();
  });
});
