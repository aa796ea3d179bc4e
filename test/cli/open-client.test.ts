import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openClient } from "../../src/cli/open-client.js";
import { testDir } from "../support/temp-dir.js";
import { input, type Ran, runCommand } from "./run-command.js";

/** Runs a command on the store that it names, as the program does. */
async function nexus(...args: string[]): Promise<Ran> {
  return await runCommand(args, { stdin: input(""), surroundings: { open: openClient } });
}

function noStore(dataDir: string): string {
  return `nexus: there is no store at ${dataDir}; make one with nexus init, or name another with --data-dir\n`;
}

describe("where there is no store", () => {
  test.each(
    [
      ["ls"],
      ["tree", "--json"],
      ["cat", "/a"],
      ["info", "/a"],
      ["glob", "**"],
      ["grep", "a"],
      ["find-duplicates"],
      ["meta", "get", "/a", "k"],
      ["meta", "list", "/a"],
      ["meta", "set", "/a", "k", "v"],
      ["meta", "rm", "/a", "k"],
      ["work", "ready"],
      ["work", "pending"],
      ["work", "status"],
      ["work", "deps", "/a"],
      ["work", "submit", "/a"],
      ["work", "claim", "--worker", "w"],
      ["export", "-"],
      ["import", "-", "--dry-run"],
      ["cp", "/a", "/b"],
      ["mv", "/a", "/b"],
      ["rm", "-f", "/a"],
      ["rmdir", "/a"],
    ].map((args) => [args]),
  )("%j says so and makes none", async (args) => {
    const dataDir = join(testDir(), "typo");
    const { code, stdout, stderr } = await nexus("--data-dir", dataDir, ...args);
    expect([code, stdout, stderr]).toStrictEqual([1, "", noStore(dataDir)]);
    expect(existsSync(dataDir)).toBe(false);
  });

  test("a directory with something else in it stays as it is", async () => {
    const dataDir = testDir();
    writeFileSync(join(dataDir, "notes.txt"), "mine");
    const { code, stderr } = await nexus("--data-dir", dataDir, "ls");
    expect([code, stderr]).toStrictEqual([1, noStore(dataDir)]);
    expect(readdirSync(dataDir)).toStrictEqual(["notes.txt"]);
  });

  test.each([["init"], ["mkdir", "/jobs"], ["write", "/a", "text"], ["import", "-"]])(
    "%s %s makes one, and then it is there to be read",
    async (...args) => {
      const dataDir = join(testDir(), "new");
      expect(await nexus("--data-dir", dataDir, ...args)).toMatchObject({ code: 0, stderr: "" });
      expect(await nexus("--data-dir", dataDir, "ls")).toMatchObject({ code: 0, stderr: "" });
    },
  );

  test("something that isn't a directory is called what it is", async () => {
    const dataDir = join(testDir(), "file");
    writeFileSync(dataDir, "");
    const { code, stderr } = await nexus("--data-dir", dataDir, "ls");
    expect(code).toBe(1);
    expect(stderr).toBe(
      `nexus: the data directory ${dataDir} is not a directory; choose another --data-dir\n`,
    );
  });

  test("a database elsewhere that isn't there is a store that isn't there", async () => {
    const base = testDir();
    const config = join(base, "nexus.yaml");
    mkdirSync(join(base, "data"));
    writeFileSync(config, "data_dir: data\ndb_path: db/metadata.db\n");
    expect((await nexus("--config", config, "ls")).stderr).toBe(noStore(join(base, "data")));
    expect(readdirSync(base).sort()).toStrictEqual(["data", "nexus.yaml"]);
    expect((await nexus("--config", config, "mkdir", "/jobs")).code).toBe(0);
    expect((await nexus("--config", config, "ls")).stdout).toContain("jobs\n");
  });
});
