import { cpSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { blob, change, fsck, makeStore, TEXT } from "../../support/checked-store.js";
import { testDir } from "../../support/temp-dir.js";

const TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";

function tablesOf(dataDir: string): string[] {
  const database = new Database(join(dataDir, "metadata.db"), { readonly: true });
  try {
    return database.prepare<[], string>(TABLES).pluck().all();
  } finally {
    database.close();
  }
}

describe("a database without one of its tables", () => {
  test("is told of with what can be read, whichever it is, and left as it is", async () => {
    const whole = await makeStore();
    const tables = tablesOf(whole);
    expect(tables).toEqual(expect.arrayContaining(["inodes", "dentries", "store_state"]));
    for (const table of tables) {
      const dataDir = join(testDir(), "data");
      cpSync(whole, dataDir, { recursive: true });
      change(dataDir, `PRAGMA foreign_keys = OFF; DROP TABLE "${table}"`);
      for (const args of [[], ["--repair"]]) {
        const { code, stderr, rules, repaired, report } = await fsck(dataDir, ...args);
        expect({ table, code, stderr, rules, repaired }).toStrictEqual({
          ...{ table, code: 1, stderr: "", rules: ["database.tables"], repaired: [] },
        });
        expect(report?.findings[0]?.what).toBe(`the table ${table} is missing`);
        expect(report?.readable.map((one) => one.table)).toEqual(
          expect.arrayContaining(tables.filter((name) => name !== table)),
        );
      }
      expect(readFileSync(blob(dataDir, TEXT), "utf8")).toBe(TEXT);
      expect(existsSync(join(dataDir, "lost+found"))).toBe(false);
    }
  });

  test("so is one without a column", async () => {
    const dataDir = await makeStore();
    change(dataDir, "ALTER TABLE scrub_state RENAME COLUMN id TO number");
    const { code, stderr, report } = await fsck(dataDir, "--repair");
    expect({ code, stderr }).toStrictEqual({ code: 1, stderr: "" });
    expect(report?.findings.map(({ what }) => what)).toStrictEqual([
      "the table scrub_state has no column id",
    ]);
  });
});
