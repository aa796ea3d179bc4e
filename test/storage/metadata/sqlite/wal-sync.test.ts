import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { WalSync } from "../../../../src/storage/metadata/sqlite/wal-sync.js";
import { kindOfLater } from "../../../support/error-kind.js";
import { testDir } from "../../../support/temp-dir.js";

function walSync(): { sync: WalSync; log: string } {
  const database = join(testDir(), "metadata.db");
  const sync = new WalSync(database);
  onTestFinished(() => sync.close());
  return { sync, log: `${database}-wal` };
}

test("SQLite's log that can't be opened now is synced as soon as it can be", async () => {
  const { sync, log } = walSync();
  mkdirSync(log); // no program can open it for writing
  expect(await kindOfLater(sync.sync())).toBe("is-a-directory");
  rmdirSync(log);
  writeFileSync(log, "commits");
  expect(await kindOfLater(sync.sync())).toBeUndefined();
});

test("no log is nothing to sync, and one that comes later is", async () => {
  const { sync, log } = walSync();
  expect(await kindOfLater(sync.sync())).toBeUndefined();
  mkdirSync(log);
  expect(await kindOfLater(sync.sync())).toBe("is-a-directory");
});
