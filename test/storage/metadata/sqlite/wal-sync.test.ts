import { execFileSync } from "node:child_process";
import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { WalSync } from "../../../../src/storage/metadata/sqlite/wal-sync.js";
import { kindOfLater } from "../../../support/error-kind.js";
import { type LogLine, recordingLogger } from "../../../support/silent-logger.js";
import { testDir } from "../../../support/temp-dir.js";

function walSync(): { sync: WalSync; log: string; lines: readonly LogLine[] } {
  const database = join(testDir(), "metadata.db");
  const { logger, lines } = recordingLogger();
  const sync = new WalSync(database, { logger });
  onTestFinished(() => sync.close());
  return { sync, log: `${database}-wal`, lines };
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

test("a sync that failed is logged, once, and fails all that come later, whatever the disk says then", async () => {
  const { sync, log, lines } = walSync();
  execFileSync("mkfifo", [log]); // fdatasync(2): EINVAL
  expect(await kindOfLater(sync.sync())).toBe("invalid-argument");
  expect(await kindOfLater(sync.sync())).toBe("io-failure");
  expect(lines).toMatchObject([{ level: 50, msg: expect.stringContaining("no sync is vouched") }]);
});
