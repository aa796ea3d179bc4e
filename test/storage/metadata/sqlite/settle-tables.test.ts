import { rmSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { afterKill } from "../../../support/crash.js";
import { openMetadataStore } from "../../../support/stores.js";
import { testDir } from "../../../support/temp-dir.js";

function tablesOf(path: string): unknown {
  const database = new Database(path, { fileMustExist: true });
  try {
    return database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
  } finally {
    database.close();
  }
}

test("a new store has its tables in its database, whatever becomes of the log", async () => {
  const dataDir = testDir();
  const store = openMetadataStore(dataDir);
  const killed = afterKill(dataDir);
  await store.close();
  rmSync(join(killed, "metadata.db-wal"));
  rmSync(join(killed, "metadata.db-shm"), { force: true });
  expect(tablesOf(join(killed, "metadata.db"))).toStrictEqual(
    tablesOf(join(dataDir, "metadata.db")),
  );
});
