import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { connect } from "../../../src/sdk/connect.js";
import { migrate } from "../../../src/storage/metadata/sqlite/open-database.js";
import { change, fsck, makeStore, read, TEXT } from "../../support/checked-store.js";
import { kindOfLater } from "../../support/error-kind.js";
import { testDir } from "../../support/temp-dir.js";

// The number that says which steps of the schema have to be done yet.

describe("a schema version that is before that of the tables", () => {
  test.each([0, 1, 3, -5])("is told of, and opened by nobody: %d", async (version) => {
    const dataDir = await makeStore();
    change(dataDir, `PRAGMA user_version = ${version}`);
    for (const args of [[], ["--repair"]]) {
      const { code, stderr, report } = await fsck(dataDir, ...args);
      expect({ code, stderr }).toStrictEqual({ code: 1, stderr: "" });
      expect(report?.findings).toMatchObject([
        {
          rule: "database.readable",
          what: expect.stringContaining(`has schema version ${version}, and tables of version 4`),
        },
      ]);
    }
    expect(await kindOfLater(connect({ dataDir }))).toBe("corrupt");

    // As it is advised.
    change(dataDir, "PRAGMA user_version = 4");
    expect(await read(dataDir, "/documents/a")).toBe(TEXT);
    expect(await fsck(dataDir)).toMatchObject({ code: 0, rules: [] });
  });
});

test.each([1, 2, 3, 4])("a store of version %d goes on with the newest", async (version) => {
  const dataDir = testDir();
  const database = new Database(join(dataDir, "metadata.db"));
  migrate(database, { to: version });
  database.close();
  expect(await fsck(dataDir)).toMatchObject({ code: 0, rules: [] });
});
