import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import type { ConflictMode } from "../../../src/features/transfer/transfer.js";
import { testDir } from "../../support/temp-dir.js";
import { lineOf, TransferWorld } from "./transfer-world.js";

test("a conflict mode that there isn't is refused before anything is read", async () => {
  const world = new TransferWorld();
  const modes: [unknown, string][] = [
    ["bogus", "'bogus'"],
    ["toString", "'toString'"],
    ["", "''"],
    [7, "of type number"],
  ];
  for (const [mode, said] of modes) {
    const conflictMode = mode as ConflictMode;
    const source = Readable.from([lineOf("/a", "")]);
    for (const from of [source, Readable.from([]), join(testDir(), "missing")]) {
      await expect(world.transfer().importMetadata(from, { conflictMode })).rejects.toMatchObject({
        kind: "invalid-argument",
        message: `the conflict mode can't be ${said}; allowed: skip, overwrite, remap, auto`,
      });
    }
    expect(source.readableDidRead).toBe(false);
  }
  expect(await world.exists("/a")).toBe(false);
});

test("remap finds a name also when the longest ones are taken", async () => {
  const world = new TransferWorld();
  const path = `/docs/${"n".repeat(251)}.txt`;
  const first = `/docs/${"n".repeat(241)}_imported1.txt`;
  const second = `/docs/${"n".repeat(241)}_imported2.txt`;
  await world.put(path, "old");
  await world.put(first, "in the way");
  await world.put("/source", "new");
  const lines = Readable.from([lineOf(path, "new")]);
  const result = await world.transfer().importMetadata(lines, { conflictMode: "remap" });
  expect(result).toMatchObject({ remapped: 1 });
  expect(await world.text(second)).toBe("new");
  expect(await world.text(path)).toBe("old");
  expect(await world.text(first)).toBe("in the way");
});

test("remap leaves names alone that a directory has or is going to have", async () => {
  const world = new TransferWorld();
  await world.put("/a.txt", "old");
  await world.put("/a_imported1.txt/below", "new");
  const lines = Readable.from([lineOf("/a.txt", "new"), lineOf("/a_imported2.txt/b/c", "new")]);
  const result = await world.transfer().importMetadata(lines, { conflictMode: "remap" });
  expect(result).toMatchObject({ created: 1, remapped: 1 });
  expect(await world.text("/a_imported3.txt")).toBe("new");
  expect(await world.text("/a_imported2.txt/b/c")).toBe("new");
});
