import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Quarantine } from "../../../../src/storage/content/local/quarantine.js";
import { testDir } from "../../../support/temp-dir.js";

test("what is kept has one more name, however often, and takes nothing's place", () => {
  const dataDir = testDir();
  const place = join(dataDir, "lost+found");
  mkdirSync(place);
  writeFileSync(join(place, "content"), "another one, which was damaged");
  const path = join(dataDir, "content");
  writeFileSync(path, "bytes");
  for (const _ of ["first", "second", "third"]) {
    new Quarantine(dataDir).keep(path, { why: "it may be all there is" });
  }
  expect(readdirSync(place).sort()).toStrictEqual(["content", "content.2", "record.jsonl"]);
  expect(readFileSync(join(place, "content.2"), "utf8")).toBe("bytes");
  const [line, ...more] = readFileSync(join(place, "record.jsonl"), "utf8").trim().split("\n");
  expect(JSON.parse(line ?? "")).toMatchObject({ file: "content.2", from: path });
  expect(more).toStrictEqual([]);
});

test("what isn't there is kept from nothing", () => {
  const dataDir = testDir();
  new Quarantine(dataDir).keep(join(dataDir, "content"), { why: "it is gone" });
  expect(readdirSync(dataDir)).toStrictEqual([]);
});
