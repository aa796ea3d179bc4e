import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { connect } from "../../src/sdk/connect.js";
import { requireFitToOpen } from "../../src/storage/fit-to-open.js";
import { runCommand } from "../cli/run-command.js";
import { backUp } from "../support/backups.js";
import { fsck, withStore } from "../support/checked-store.js";
import { afterKill } from "../support/crash.js";
import { kindOf, kindOfLater } from "../support/error-kind.js";
import { testDir } from "../support/temp-dir.js";
import { World } from "../vfs/world.js";

async function storeWithContents(): Promise<string> {
  const world = new World();
  await world.write("file", "its content");
  await world.sealed("file");
  await world.close();
  return world.dataDir;
}

/** As copying it without its log leaves it before anything was brought from there. */
function withoutLog(path: string): void {
  rmSync(path);
  const database = new Database(path);
  database.pragma("journal_mode = WAL");
  database.close();
}

/** The same, with something else where the log was. */
function withLog(log: () => Uint8Array): (path: string) => void {
  return (path) => {
    withoutLog(path);
    writeFileSync(`${path}-wal`, log());
  };
}

/** The log of a database whose first tables are all in it. */
function youngLog(): Buffer {
  const path = join(testDir(), "young.db");
  const database = new Database(path);
  database.pragma("journal_mode = WAL");
  database.exec("CREATE TABLE store_state (id)");
  const log = readFileSync(`${path}-wal`);
  database.close();
  return log;
}

function withWrongByte(log: Buffer): Buffer {
  const inFirstFrame = 32 + 24 + 100;
  log.writeUInt8(log.readUInt8(inFirstFrame) ^ 1, inFirstFrame);
  return log;
}

/** But for what is there beside a store. */
function allFiles(directory: string): string[] {
  const beside = ["lock", "nexus.log", "metadata.db-shm"];
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => !beside.includes(name))
    .sort();
}

/** What somebody wrote, and a kill left before any of it was sealed. */
async function killedStore(): Promise<string> {
  const before = testDir();
  return await withStore(before, async ({ files }) => {
    await files.write("/documents/small", "small");
    return afterKill(before);
  });
}

async function expectRefused(dataDir: string, { has }: { has: RegExp }): Promise<void> {
  const dbPath = join(dataDir, "metadata.db");
  const before = allFiles(dataDir);
  expect(kindOf(() => requireFitToOpen({ dataDir, dbPath }))).toBe("corrupt");
  expect(await kindOfLater(connect({ dataDir }))).toBe("corrupt");
  for (const args of [[], ["--repair"]]) {
    const { code, stderr, report } = await fsck(dataDir, ...args);
    expect({ code, stderr }).toStrictEqual({ code: 1, stderr: "" });
    expect(report?.findings).toMatchObject([
      {
        rule: "database.tables",
        what: expect.stringMatching(/metadata\.db is missing or empty, .*/),
        effect: expect.stringContaining("backup"),
      },
    ]);
    expect(report?.findings[0]?.what).toMatch(has);
  }
  expect(allFiles(dataDir)).toStrictEqual(before);
}

describe("a store whose database is lost", () => {
  test.each([
    ["missing", (path: string) => rmSync(path)],
    ["empty", (path: string) => writeFileSync(path, "")],
    ["a database that had all in its log, which is lost", withoutLog],
    ["one whose log is a header alone", withLog(() => youngLog().subarray(0, 32))],
    ["one whose log is cut within its first frame", withLog(() => youngLog().subarray(0, 100))],
    ["one whose log is of zeros", withLog(() => Buffer.alloc(100_000))],
    ["one whose log has a wrong byte in its first frame", withLog(() => withWrongByte(youngLog()))],
  ])("isn't opened by anybody beside its contents, where that is %s", async (_, lose) => {
    const dataDir = await storeWithContents();
    lose(join(dataDir, "metadata.db"));
    await expectRefused(dataDir, { has: /cas has contents/ });
  });

  test.each([
    ["what was being written", ["cas", "metadata.journal"], /contents that were being written/],
    ["its journal", ["cas", "staging"], /metadata\.journal has changes/],
  ])("isn't either beside %s", async (_, others, has) => {
    const dataDir = await killedStore();
    for (const name of others) rmSync(join(dataDir, name), { recursive: true, force: true });
    withLog(() => Buffer.alloc(100))(join(dataDir, "metadata.db"));
    await expectRefused(dataDir, { has });
  });
});

describe("what a first start leaves that was killed", () => {
  test.each([
    ["an empty file", (path: string) => writeFileSync(path, "")],
    ["a database without tables", withoutLog],
    ["one and a log that has none", withLog(() => youngLog().subarray(0, 32))],
  ])("is checked, and goes on with the next start: %s", async (_, leave) => {
    const dataDir = testDir();
    mkdirSync(join(dataDir, "cas", "ab", "cd"), { recursive: true });
    writeFileSync(join(dataDir, "metadata.journal"), Buffer.alloc(1024 * 1024));
    writeFileSync(join(dataDir, "metadata.db"), "");
    leave(join(dataDir, "metadata.db"));
    for (const args of [[], ["--repair"]]) {
      const { code, stderr, report } = await fsck(dataDir, ...args);
      expect({ code, stderr, findings: report?.findings }).toStrictEqual({
        ...{ code: 0, stderr: "", findings: [] },
      });
      expect(report).toMatchObject({ left_out: [expect.stringContaining("the next start")] });
    }
    const nexus = await connect({ dataDir });
    await nexus.write("/a", "a");
    await nexus.close();
    expect(await fsck(dataDir)).toMatchObject({ code: 0, rules: [] });
  });
});

test("nobody checks a snapshot of a backup in its place, which would change it", async () => {
  const world = new World();
  await world.write("file", "its content");
  const to = testDir();
  await backUp(world, { to });
  await world.close();
  const [snapshot = ""] = readdirSync(join(to, "snapshots"));
  const dataDir = join(to, "snapshots", snapshot);
  const before = allFiles(to);
  for (const words of [["fsck"], ["fsck", "--repair"]]) {
    const { code, stderr } = await runCommand([...words, "--data-dir", dataDir]);
    expect(code).toBe(1);
    expect(stderr).toContain("is a backup, which using it would change");
  }
  expect(allFiles(to)).toStrictEqual(before);

  const copy = join(testDir(), "copy");
  cpSync(dataDir, copy, { recursive: true, dereference: true });
  rmSync(join(copy, "backup.json"));
  expect(await runCommand(["fsck", "--data-dir", copy])).toMatchObject({ code: 0, stderr: "" });
});
