import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { SystemClock } from "../../../src/model/clock.js";
import { connect } from "../../../src/sdk/connect.js";
import { putStagingAway } from "../../../src/storage/check/put-staging-away.js";
import { layoutOf } from "../../../src/storage/content/local/layout.js";
import { LocalContentJobs } from "../../../src/storage/content/local/local-content-jobs.js";
import { LocalContentStore } from "../../../src/storage/content/local/local-content-store.js";
import { Quarantine } from "../../../src/storage/content/local/quarantine.js";
import {
  announce,
  change,
  fsck,
  makeStore,
  putAway,
  read,
  TEXT,
  withStore,
} from "../../support/checked-store.js";
import { afterKill } from "../../support/crash.js";

// What was being written when a process was killed, and what a repair makes of it when rows are lost.

const SMALL = "small and staged";
const LARGE = "large".repeat(20_000);
const ROWS = "(SELECT ino FROM dentries WHERE name IN ('small', 'large'))";

/** A store whose process was killed before it had sealed what it wrote. */
async function killedStore(): Promise<string> {
  const dataDir = await makeStore();
  return await withStore(dataDir, async ({ files, metadata }) => {
    await files.write("/documents/small", SMALL);
    await files.write("/documents/large", LARGE);
    await files.write("/documents/other", "stays");
    await files.write("/documents/same", TEXT);
    // This is committed at once, and with it what came before.
    await metadata.set("/documents/a", "key", "value");
    return afterKill(dataDir);
  });
}

describe("a repair puts away what was being written, and has no file any more because", () => {
  const ways = {
    "the inodes are lost": `DELETE FROM inodes WHERE ino IN ${ROWS}`,
    "the inodes don't name it": `UPDATE inodes SET staging_id = NULL WHERE ino IN ${ROWS}`,
    "the inodes name something else": `UPDATE inodes SET staging_id = ino + 1000000 WHERE ino IN ${ROWS}`,
    "mode and name say that they are symlinks": `
      UPDATE inodes SET mode = (mode & 4095) | (10 << 12) WHERE ino IN ${ROWS};
      UPDATE dentries SET type = 10 WHERE name IN ('small', 'large')`,
  };
  test.each(Object.entries(ways))("%s", async (_, sql) => {
    const dataDir = await killedStore();
    change(dataDir, sql);
    await fsck(dataDir, "--repair");
    expect(putAway(dataDir)).toStrictEqual([LARGE, SMALL]);
    expect(await read(dataDir, "/documents/other")).toBe("stays");
    expect(await read(dataDir, "/documents/same")).toBe(TEXT);
    // And once only.
    await fsck(dataDir, "--repair");
    expect(putAway(dataDir)).toStrictEqual([LARGE, SMALL]);
  });
});

test("a repair doesn't open a store whose strays aren't known to be put away for good", async () => {
  const dataDir = await killedStore();
  change(dataDir, `DELETE FROM inodes WHERE ino IN ${ROWS}`);
  announce(dataDir, "was removed");
  const sync = vi.spyOn(Quarantine.prototype, "sync").mockImplementation(() => {
    if (putAway(dataDir).length > 0) throw new Error("the disk fails");
  });
  try {
    const { code, rules } = await fsck(dataDir, "--repair");
    expect({ code, rules }).toStrictEqual({
      code: 1,
      rules: expect.arrayContaining(["store.start"]),
    });
  } finally {
    sync.mockRestore();
  }
  // Nor does a start that comes in between remove them.
  const logFile = join(dataDir, "..", "log");
  await (await connect({ dataDir, logFile })).close();
  expect(readFileSync(logFile, "utf8")).toContain("a repair hasn't come to its end");
  expect((await fsck(dataDir)).rules).toContain("repair.unfinished");
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
  expect(putAway(dataDir)).toStrictEqual([LARGE, SMALL]);
  expect((await fsck(dataDir)).rules).toStrictEqual([]);
});

test("a check tells of what has no file, also of small contents, when something is lost", async () => {
  const dataDir = await killedStore();
  change(dataDir, `DELETE FROM inodes WHERE ino IN ${ROWS}`);
  const { report } = await fsck(dataDir);
  const strays = report?.findings.filter(({ rule }) => rule === "staging.stray") ?? [];
  expect(strays.map(({ repair }) => repair)).toStrictEqual([
    "puts it away to lost+found in the data directory",
    "puts it away to lost+found in the data directory",
  ]);
  expect(strays[1]?.what).toContain("small contents (1)");
  expect(putAway(dataDir)).toStrictEqual([]);
});

test("what was put away isn't put away again while others keep the log", async () => {
  const dataDir = await killedStore();
  change(dataDir, `DELETE FROM inodes WHERE ino IN ${ROWS}`);
  const layout = layoutOf(dataDir);
  const openContents = () => {
    const jobs = new LocalContentJobs(layout);
    return new LocalContentStore({ layout, jobs, clock: new SystemClock() });
  };
  const databasePath = join(dataDir, "metadata.db");
  const store = { dataDir, databasePath, layout, openContents };
  expect(await putStagingAway(store)).toHaveLength(2);
  expect(await putStagingAway(store)).toHaveLength(0);
  expect(putAway(dataDir)).toStrictEqual([LARGE, SMALL]);
});

test("what some file has sealed is not put away a second time", async () => {
  const dataDir = await killedStore();
  change(dataDir, "DELETE FROM inodes WHERE ino = (SELECT ino FROM dentries WHERE name = 'same')");
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
  expect(putAway(dataDir)).toStrictEqual([]);
});

test("what another file had only before it was written to is put away all the same", async () => {
  const store = await makeStore(async ({ files }) => {
    await files.write("/documents/b", SMALL);
  });
  const dataDir = await withStore(store, async ({ files, metadata }) => {
    await files.write("/documents/b", "new bytes");
    await files.write("/documents/small", SMALL);
    await metadata.set("/documents/a", "key", "value");
    return afterKill(store);
  });
  change(dataDir, "DELETE FROM inodes WHERE ino = (SELECT ino FROM dentries WHERE name = 'small')");
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
  expect(putAway(dataDir)).toStrictEqual([SMALL]);
});

test("what a killed process leaves of a removed file goes, where nothing else is wrong", async () => {
  const store = await makeStore();
  const dataDir = await withStore(store, async ({ files, metadata }) => {
    await files.write("/documents/large", LARGE);
    await files.delete("/documents/large");
    await metadata.set("/documents/a", "key", "value");
    return afterKill(store);
  });
  change(dataDir, "DELETE FROM inodes WHERE nlink = 0");
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
  expect(putAway(dataDir)).toStrictEqual([]);
  expect(readdirSync(join(dataDir, "staging"))).toStrictEqual([]);
});
