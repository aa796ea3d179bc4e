import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test, vi } from "vitest";
import { NexusError } from "../../../src/model/errors.js";
import { BehindNote } from "../../../src/storage/behind-note.js";
import {
  change,
  changeBeside,
  fsck,
  makeStore,
  putAway,
  TEXT,
  withStore,
} from "../../support/checked-store.js";
import { afterKill } from "../../support/crash.js";
import { hashOf, problemsIn } from "../../support/data-directory.js";

// An index that leaves rows out, with an entry of a row that is lost: SQLite doesn't look for those.

const LARGE = "large".repeat(20_000);

test("one that still names what was being written is found, and what it names put away", async () => {
  const store = await makeStore();
  const dataDir = await withStore(store, async ({ files, metadata }) => {
    await files.write("/documents/large", LARGE);
    // This is committed at once, and with it what came before.
    await metadata.set("/documents/a", "key", "value");
    return afterKill(store);
  });
  const LOST = "DELETE FROM inodes WHERE ino = (SELECT ino FROM dentries WHERE name = 'large')";
  changeBeside(dataDir, "inodes_staged", LOST);
  expect((await fsck(dataDir)).rules).toContain("database.indexes");
  const repaired = await fsck(dataDir, "--repair");
  expect(repaired).toMatchObject({ code: 0, rules: [] });
  expect(repaired.repaired).toContain("database.indexes");
  expect(putAway(dataDir)).toContain(LARGE);
  expect(problemsIn(dataDir)).toStrictEqual([]);
});

test("nothing is mended before it is noted that a repair has begun, not even an index", async () => {
  const dataDir = await makeStore();
  const LOST = `DELETE FROM inodes WHERE content_hash = '${hashOf(TEXT)}'`;
  changeBeside(dataDir, "inodes_by_content", LOST);
  const begin = vi.spyOn(BehindNote.prototype, "beginRepair").mockImplementation(() => {
    throw new NexusError("io-failure", "the disk fails");
  });
  try {
    expect((await fsck(dataDir, "--repair")).code).not.toBe(0);
  } finally {
    begin.mockRestore();
  }
  expect((await fsck(dataDir)).rules).toContain("database.indexes");
});

test("one of a table that has no row numbers is mended, too", async () => {
  const dataDir = await makeStore(async ({ metadata }) => {
    await metadata.set("/documents/a", "status", "completed");
    await metadata.set("/documents/b", "depends_on", "/documents/a");
    await metadata.set("/documents/b", "status", "ready");
  });
  changeBeside(dataDir, "work_dependents", "DELETE FROM work_dependencies");
  expect((await fsck(dataDir)).rules).toContain("database.indexes");
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
  expect(problemsIn(dataDir)).toStrictEqual([]);
});

test("one that still names a content is mended, and the content put away", async () => {
  const dataDir = await makeStore();
  const LOST = `DELETE FROM inodes WHERE content_hash = '${hashOf(TEXT)}'`;
  changeBeside(dataDir, "inodes_by_content", LOST);
  expect((await fsck(dataDir)).rules).toContain("database.indexes");
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
  expect(putAway(dataDir)).toContain(TEXT);
  expect(problemsIn(dataDir)).toStrictEqual([]);
});

describe("people's own", () => {
  test.each([
    "CREATE INDEX mine ON inodes (size_bytes) WHERE size_bytes > 5 -- the large ones",
    "CREATE INDEX mine ON inodes (size_bytes) WHERE 1",
    `CREATE INDEX "my ""own" ON inodes (size_bytes) WHERE size_bytes = 19`,
    `CREATE TABLE "my ""own" (a); CREATE INDEX mine ON "my ""own" (a) WHERE a > 1`,
  ])("keep nobody from checking and repairing: %s", async (sql) => {
    const dataDir = await makeStore();
    change(dataDir, sql);
    expect(await fsck(dataDir)).toMatchObject({ code: 0, stderr: "", rules: [] });
    const LOST = `DELETE FROM inodes WHERE content_hash = '${hashOf(TEXT)}'`;
    changeBeside(dataDir, "inodes_by_content", LOST);
    const repaired = await fsck(dataDir, "--repair");
    expect(repaired).toMatchObject({ code: 0, rules: [] });
    expect(repaired.repaired).toContain("database.indexes");
  });

  test("may quote a text as names are quoted, which sqlite3 lets them", async () => {
    const dataDir = await makeStore();
    change(dataDir, "CREATE INDEX mine ON file_metadata (ino) WHERE value = 'ready'");
    const database = new Database(join(dataDir, "metadata.db"));
    database.unsafeMode(true);
    database.pragma("writable_schema = ON");
    const rewrite = "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE name = 'mine'";
    expect(database.prepare(rewrite).run("'", '"').changes).toBe(1);
    database.close();
    expect(await fsck(dataDir)).toMatchObject({ code: 0, stderr: "", rules: [] });
  });
});
