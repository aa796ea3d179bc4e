import { Readable, Writable } from "node:stream";
import { expect, test } from "vitest";
import type { Ino } from "../../../src/model/ids.js";
import type { WorkRecord } from "../../../src/storage/metadata/work-store.js";
import { lineOf, TransferWorld } from "./transfer-world.js";

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
