import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { connect } from "../../../src/sdk/connect.js";
import { BehindNote } from "../../../src/storage/behind-note.js";
import { restAfter } from "../../../src/storage/going-on-behind.js";
import {
  announce,
  blob,
  change,
  cutRepair,
  fsck,
  makeStore,
  putAway,
  read,
  TEXT,
  withStore,
} from "../../support/checked-store.js";
import { afterKill } from "../../support/crash.js";
import { hashOf, problemsIn } from "../../support/data-directory.js";
import { FakeClock } from "../../support/fake-clock.js";

const LARGE = "large".repeat(20_000);
const NOTE = "database-behind.json";

/** A store whose database lacks two files that were being written, and the content of a third. */
async function behindStore(): Promise<string> {
  const dataDir = await makeStore();
  const killed = await withStore(dataDir, async ({ files, metadata }) => {
    await files.write("/documents/small", "small");
    await files.write("/documents/large", LARGE);
    await metadata.set("/documents/small", "key", "value");
    return afterKill(dataDir);
  });
  rmSync(join(killed, "metadata.db-wal"));
  mkdirSync(dirname(blob(killed, "stray")), { recursive: true });
  writeFileSync(blob(killed, "stray"), "stray");
  writeFileSync(join(killed, "staging", `${hashOf("half")}.new`), "half");
  return killed;
}

const ALL = ["half", LARGE, "small", "stray"];

describe("a repair of a database that lacks changes", () => {
  test("puts away all that only the newer one has a name for", async () => {
    const dataDir = await behindStore();
    const repaired = await fsck(dataDir, "--repair");
    expect(repaired).toMatchObject({ code: 0, rules: [] });
    expect(repaired.repaired).toContain("database.behind");
    expect(putAway(dataDir)).toStrictEqual(ALL);
    expect(await read(dataDir, "/documents/a")).toBe(TEXT);
    expect(existsSync(join(dataDir, NOTE))).toBe(false);
    expect(await fsck(dataDir)).toMatchObject({ code: 0, rules: [] });
  });

  test("puts the same away when it was cut short before", async () => {
    const dataDir = await behindStore();
    await cutRepair(dataDir);
    expect(await fsck(dataDir)).toMatchObject({
      code: 1,
      rules: ["database.behind", "content.stray"],
    });
    expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
    expect(putAway(dataDir)).toStrictEqual(ALL);
    expect(await fsck(dataDir)).toMatchObject({ code: 0, rules: [] });
  });
});

describe("a store that was used after such a repair was cut short", () => {
  test.each([[[]], [["--repair"]]])("keeps what only its journal has: fsck %s", async (args) => {
    const dataDir = await behindStore();
    await cutRepair(dataDir);
    const killed = await withStore(dataDir, async ({ files }) => {
      await files.write("/documents/later", "later");
      await files.write("/documents/grown", LARGE);
      return afterKill(dataDir);
    });
    // Nothing is left out, as it is while the log can still be put back.
    expect((await fsck(killed, ...args)).report).toMatchObject({ left_out: [] });
    expect(await read(killed, "/documents/later")).toBe("later");
    expect(await read(killed, "/documents/grown")).toBe(String(LARGE));
    expect(await fsck(killed, "--repair")).toMatchObject({ code: 0, rules: [] });
    expect(putAway(killed)).toStrictEqual(ALL);
  });
});

describe("a start on a database that lacks changes", () => {
  test("goes on, and keeps what has no file from being collected until that is repaired", async () => {
    const dataDir = await behindStore();
    const logFile = join(dataDir, "..", "log");
    const nexus = await connect({ dataDir, logFile, logLevel: "warn" });
    expect(String(await nexus.read("/documents/a"))).toBe(TEXT);
    await nexus.close();
    expect(readFileSync(logFile, "utf8")).toContain("the database lacks changes");

    const note = new BehindNote(dataDir);
    expect(note.read()).toMatchObject({ notedBy: "start" });
    const found = await fsck(dataDir);
    expect(found.code).toBe(0);
    expect(found.rules).toEqual(expect.arrayContaining(["database.behind", "content.stray"]));
    expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
    expect(note.read()).toBeUndefined();
    expect(putAway(dataDir)).toContain("stray");
  });

  test("removes neither staged contents nor announced ones, until a repair puts them away", async () => {
    const dataDir = await behindStore();
    const announced = "sealed, and then its file was lost";
    announce(dataDir, announced);
    // The log that this makes isn't the one that was there.
    rmSync(join(dataDir, "metadata.db-wal"), { force: true });
    for (const _start of ["first", "second"]) {
      const nexus = await connect({ dataDir, logLevel: "fatal" });
      await nexus.close();
    }
    expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
    expect(putAway(dataDir)).toStrictEqual([LARGE, announced, "small", "stray"]);
    expect(problemsIn(dataDir)).toStrictEqual([]);
  });

  test("rests for a week, or until a repair that was begun has ended", async () => {
    const dataDir = await makeStore();
    const note = new BehindNote(dataDir);
    const clock = new FakeClock();
    expect(restAfter(note, { clock })).toBe(0);
    const day = 24 * 3600 * 1000;
    const sinceMs = clock.now().sec * 1000;
    note.write({ sinceMs: sinceMs - 2 * day, why: "why", notedBy: "start" });
    expect(Math.round(restAfter(note, { clock }) / day)).toBe(5);
    note.write({ sinceMs: sinceMs - 8 * day, why: "why", notedBy: "start" });
    expect(restAfter(note, { clock })).toBe(0);
    expect(note.read()).toBeUndefined();
    for (const notedBy of ["repair", "repair-of-rows"] as const) {
      note.write({ sinceMs: sinceMs - 8 * day, why: "why", notedBy });
      expect(restAfter(note, { clock })).toBe(Number.POSITIVE_INFINITY);
    }
    writeFileSync(join(dataDir, NOTE), "torn");
    expect(restAfter(note, { clock })).toBe(Number.POSITIVE_INFINITY);
  });
});

test("a check doesn't write to a database whose pages are damaged", async () => {
  const dataDir = await makeStore();
  change(dataDir, "CREATE TABLE filler (x); INSERT INTO filler VALUES (zeroblob(20000))");
  const path = join(dataDir, "metadata.db");
  const bytes = readFileSync(path);
  const page = bytes.length - 4096;
  bytes.fill(0xff, page, page + 4096);
  bytes.writeUInt32BE(0xffffff, page);
  writeFileSync(path, bytes);
  for (const args of [[], ["--repair"]]) {
    const { code, rules } = await fsck(dataDir, ...args);
    expect({ code, rules: [...new Set(rules)] }).toStrictEqual({
      code: 1,
      rules: ["database.pages"],
    });
  }
  expect(readFileSync(path).equals(bytes)).toBe(true);
  // Reading it makes an empty one.
  expect(statSync(join(dataDir, "metadata.db-wal")).size).toBe(0);
});
