import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { BehindNote } from "../../../src/storage/behind-note.js";
import { change, changeBeside, fsck, makeStore, read, TEXT } from "../../support/checked-store.js";
import { problemsIn } from "../../support/data-directory.js";

// Rows that a unique index can't have both of: which of them is wrong takes a guess.

const PAGE_BYTES = 4096;

/** A store with two attributes of one inode and one key, as one wrong byte makes of those of two inodes. */
async function storeWithDuplicates(): Promise<string> {
  const dataDir = await makeStore();
  const path = join(dataDir, "metadata.db");
  const key = "security.x";
  const database = new Database(path);
  database.exec(
    `INSERT INTO system_attributes (ino, key, value)
     SELECT ino, '${key}', 'v' FROM inodes WHERE content_hash IS NOT NULL`,
  );
  const value = (sql: string) => database.prepare<[], number>(sql).pluck().get() ?? 0;
  const first = value("SELECT min(ino) FROM system_attributes");
  const second = value("SELECT max(ino) FROM system_attributes");
  const root = value("SELECT rootpage FROM sqlite_schema WHERE name = 'system_attributes'");
  database.pragma("wal_checkpoint(TRUNCATE)");
  database.close();
  const bytes = readFileSync(path);
  const page = bytes.subarray((root - 1) * PAGE_BYTES, root * PAGE_BYTES);
  page.writeUInt8(first, page.lastIndexOf(Buffer.from([second, ...Buffer.from(key)])));
  writeFileSync(path, bytes);
  return dataDir;
}

describe("rows that have what only one may have", () => {
  test("are told of by check and repair, which mends nothing and leaves no note", async () => {
    const dataDir = await storeWithDuplicates();
    for (const args of [[], ["--repair"], []]) {
      const { code, stderr, rules, report } = await fsck(dataDir, ...args);
      expect({ code, stderr }).toStrictEqual({ code: 1, stderr: "" });
      expect(rules).toEqual(expect.arrayContaining(["database.indexes", "database.duplicates"]));
      expect(report?.findings).toContainEqual(
        expect.objectContaining({
          what: "2 rows of system_attributes have the same ino, key: those with the rowid 1, 2",
          repair: null,
        }),
      );
      expect(report?.repaired).toStrictEqual([]);
      expect(new BehindNote(dataDir).read()).toBeUndefined();
    }
    expect(await read(dataDir, "/documents/a")).toBe(TEXT);
  });

  test("keep no repair from its end when one of them is taken out", async () => {
    const dataDir = await storeWithDuplicates();
    await fsck(dataDir, "--repair");
    change(dataDir, "DELETE FROM system_attributes WHERE rowid = 2");
    expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
    expect(problemsIn(dataDir)).toStrictEqual([]);
  });

  test("leave what was noted before a repair as it was", async () => {
    const dataDir = await storeWithDuplicates();
    const before = { sinceMs: Date.now(), why: "the log was lost", notedBy: "start" } as const;
    const note = new BehindNote(dataDir);
    note.write(before);
    expect((await fsck(dataDir, "--repair")).rules).toContain("database.behind");
    expect(note.read()).toStrictEqual(before);
  });

  test("are told of where the index is people's own", async () => {
    const dataDir = await makeStore(async ({ metadata }) => {
      await metadata.set("/documents/a", "key", "one");
      await metadata.set("/documents/b", "key", "two");
    });
    change(dataDir, "CREATE UNIQUE INDEX mine ON file_metadata (value)");
    changeBeside(dataDir, "mine", "UPDATE file_metadata SET value = 'one'");
    const repaired = await fsck(dataDir, "--repair");
    expect(repaired).toMatchObject({ code: 1, stderr: "", repaired: [] });
    expect(repaired.rules).toStrictEqual(["repair.failed", "database.indexes"]);
    expect(new BehindNote(dataDir).read()).toBeUndefined();
    change(dataDir, "DROP INDEX mine");
    expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
  });
});
