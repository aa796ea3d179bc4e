import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { connect } from "../../src/sdk/connect.js";
import { requireFitToOpen } from "../../src/storage/fit-to-open.js";
import { runCommand } from "../cli/run-command.js";
import { backUp } from "../support/backups.js";
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

function allFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" }).sort();
}

describe("contents without a database", () => {
  test.each([
    ["missing", (path: string) => rmSync(path)],
    ["empty", (path: string) => writeFileSync(path, "")],
    ["a database that had all in its log, which is lost", withoutLog],
  ])("keep the store from being opened by anybody, where that is %s", async (_, lose) => {
    const dataDir = await storeWithContents();
    const dbPath = join(dataDir, "metadata.db");
    lose(dbPath);
    const before = allFiles(dataDir);
    expect(kindOf(() => requireFitToOpen({ dataDir, dbPath }))).toBe("corrupt");
    expect(await kindOfLater(connect({ dataDir }))).toBe("corrupt");
    for (const words of [["fsck"], ["fsck", "--repair"]]) {
      const { code, stderr } = await runCommand([...words, "--data-dir", dataDir]);
      expect({ words, code }).toStrictEqual({ words, code: 1 });
      expect(stderr).toMatch(/metadata\.db is missing or empty, and .* has contents: .*backup/);
    }
    const after = allFiles(dataDir).filter((name) => !["lock", "nexus.log"].includes(name));
    expect(after).toStrictEqual(before.filter((name) => !["lock", "nexus.log"].includes(name)));
  });

  test("are none where a first start was killed", async () => {
    const dataDir = testDir();
    mkdirSync(join(dataDir, "cas", "ab", "cd"), { recursive: true });
    writeFileSync(join(dataDir, "metadata.db"), "");
    const nexus = await connect({ dataDir });
    await nexus.write("/a", "a");
    await nexus.close();
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
