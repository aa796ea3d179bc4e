import { readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import {
  blob,
  change,
  fsck,
  makeStore,
  read,
  TEXT,
  withStore,
} from "../../support/checked-store.js";
import { hashOf } from "../../support/data-directory.js";

// A start removes what the rows say that nothing needs: what is wrong with them must not cost a file.

const NO_LINKS = `UPDATE inodes SET nlink = 0 WHERE content_hash = '${hashOf(TEXT)}'`;

/** The first value of a query. */
function first(dataDir: string, sql: string): unknown {
  const database = new Database(join(dataDir, "metadata.db"), { readonly: true });
  try {
    return database.prepare(sql).pluck().get();
  } finally {
    database.close();
  }
}

const ROOT = "SELECT path_id FROM inodes WHERE ino = 1";
const LINKS = `SELECT nlink FROM inodes WHERE content_hash = '${hashOf(TEXT)}'`;

test("a file whose link count is wrongly 0 outlives a start, and so does the root", async () => {
  const dataDir = await makeStore();
  const root = first(dataDir, ROOT);
  change(dataDir, `${NO_LINKS}; UPDATE inodes SET nlink = 0 WHERE ino = 1`);
  await withStore(dataDir, async () => undefined);
  expect(first(dataDir, ROOT)).toBe(root);
  expect((await fsck(dataDir)).rules).toStrictEqual(["inode.links", "inode.links"]);
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
  expect(await read(dataDir, "/documents/a")).toBe(TEXT);
});

describe("a repair doesn't open a store", () => {
  test("whose root is no directory, and changes nothing in it", async () => {
    const dataDir = await makeStore();
    change(dataDir, `${NO_LINKS}; UPDATE inodes SET mode = 33188 WHERE ino = 1`);
    const { code, rules, repaired } = await fsck(dataDir, "--repair");
    expect({ code, repaired }).toStrictEqual({ code: 1, repaired: [] });
    expect(rules).toEqual(expect.arrayContaining(["root.directory", "inode.links"]));
    expect(first(dataDir, LINKS)).toBe(0);
    expect(readFileSync(blob(dataDir, TEXT), "utf8")).toBe(TEXT);
  });

  test("of whose rules one can't be mended, and says so", async () => {
    const dataDir = await makeStore();
    change(
      dataDir,
      `UPDATE contents SET ref_count = 7;
       CREATE TRIGGER nobodys BEFORE UPDATE OF ref_count ON contents BEGIN SELECT raise(ABORT, 'no'); END;`,
    );
    const { code, rules } = await fsck(dataDir, "--repair");
    expect(code).toBe(1);
    expect(rules).toEqual(
      expect.arrayContaining(["content.references", "repair.failed", "store.start"]),
    );
    change(dataDir, "DROP TRIGGER nobodys");
    expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
  });

  test("of which something is wrong again whenever it was mended, and says so", async () => {
    const dataDir = await makeStore();
    change(
      dataDir,
      `UPDATE contents SET ref_count = 7;
       CREATE TRIGGER stubborn AFTER UPDATE OF ref_count ON contents
         BEGIN UPDATE contents SET ref_count = 7 WHERE hash = NEW.hash; END;`,
    );
    const { code, rules, report } = await fsck(dataDir, "--repair");
    expect({ code, rules }).toStrictEqual({
      code: 1,
      rules: expect.arrayContaining(["repair.failed", "store.start", "content.references"]),
    });
    const failure = report?.findings.find(({ rule }) => rule === "repair.failed");
    expect(failure?.what).toContain("it still isn't so that");
    expect(await read(dataDir, "/documents/a")).toBe(TEXT);
  });
});
