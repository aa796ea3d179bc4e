import { Readable, Writable } from "node:stream";
import { expect, test } from "vitest";
import type { ExportOptions } from "../../../src/features/transfer/transfer.js";
import type { Ino } from "../../../src/model/ids.js";
import type { WorkRecord } from "../../../src/storage/metadata/work-store.js";
import { ADMIN, lineOf, TransferWorld } from "./transfer-world.js";

test("items that are said to be made in a distant time are listed once, page by page", async () => {
  const world = new TransferWorld();
  await world.put("/source", "text");
  const times = [
    "9999-12-31T23:59:59.999997",
    "9999-12-31T23:59:59.999999",
    "0001-01-01T00:00:00.000001",
    "2026-01-01T00:00:00.000001",
  ];
  const lines = times.map((created_at, index) =>
    lineOf(`/item${index}`, "text", { created_at, custom_metadata: { status: "ready" } }),
  );
  await world.transfer().importMetadata(Readable.from(lines));
  const found: WorkRecord[] = [];
  while (found.length < 10) {
    const last = found.at(-1);
    const after = last === undefined ? {} : { after: last };
    const query = { state: "ready", zones: "all", limit: 1, ...after } as const;
    const page = world.metadata.work.listWork(query);
    if (page.length === 0) break;
    found.push(...page);
  }
  const inos = found.map(({ ino }): Ino => ino);
  expect(new Set(inos).size).toBe(4);
  expect(found.map(({ path }) => path)).toEqual(["/item2", "/item3", "/item0", "/item1"]);
});

test("times come back to the microsecond", async () => {
  const world = new TransferWorld();
  await world.put("/source", "text");
  const times = {
    created_at: "2026-01-02T03:04:05.000006",
    modified_at: "2026-01-02T03:04:05.123457",
  };
  await world.transfer().importMetadata(Readable.from([lineOf("/copy", "text", times)]));
  const lines: string[] = [];
  const target = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(String(chunk));
      done();
    },
  });
  await world.transfer().exportMetadata(target, { prefix: "/copy" });
  expect(JSON.parse(lines.join(""))).toMatchObject(times);
});

test("a file of any time that utimensat can set is exported, and comes back the same", async () => {
  const world = new TransferWorld();
  const times: [sec: number, text: string][] = [
    [253_402_300_800, "+010000-01-01T00:00:00.000001"],
    [-62_167_219_201, "-000001-12-31T23:59:59.000001"],
    [Number.MAX_SAFE_INTEGER, "+285428751-11-12T07:36:31.000001"],
    [Number.MIN_SAFE_INTEGER, "-285424812-02-20T16:23:29.000001"],
  ];
  for (const [index, [sec]] of times.entries()) {
    const ino = await world.put(`/file${index}`, "", { status: "ready" });
    await world.fs.setattr(ADMIN, { ino, mtime: { sec, nsec: 1000 } });
  }
  const exported = async (from: TransferWorld, options: ExportOptions = {}): Promise<string> => {
    const lines: string[] = [];
    const target = new Writable({
      write: (chunk, _encoding, done) => {
        lines.push(String(chunk));
        done();
      },
    });
    await from.transfer().exportMetadata(target, options);
    return lines.join("");
  };
  const text = await exported(world);
  const lines = text.trim().split("\n");
  expect(lines.map((line) => JSON.parse(line).modified_at)).toEqual(times.map(([, text]) => text));

  const since1970 = await exported(world, { after: new Date(0) });
  expect(since1970.trim().split("\n")).toEqual([lines[0], lines[2]]);

  const copy = new TransferWorld();
  const created = text.replaceAll(
    /"created_at":"[^"]*","modified_at":("[^"]*")/g,
    '"created_at":$1,"modified_at":$1',
  );
  await copy.transfer().importMetadata(Readable.from([created]));
  expect(await exported(copy)).toBe(created);
});

test("a time that doesn't exist is refused by line", async () => {
  const world = new TransferWorld();
  for (const created_at of ["2025-02-30T00:00:00.000000", "2025-01-01T24:00:00"]) {
    const lines = ["\n", lineOf("/a", "", { created_at })];
    await expect(world.transfer().importMetadata(Readable.from(lines))).rejects.toMatchObject({
      kind: "invalid-argument",
      message: `Invalid field at line 2: created_at is not a time: ${created_at}, in "/a"`,
    });
  }
  expect(await world.exists("/a")).toBe(false);
});
