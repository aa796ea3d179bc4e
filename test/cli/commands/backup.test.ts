import { mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { connect } from "../../../src/sdk/connect.js";
import { blobsOf, hashOf, problemsIn } from "../../support/data-directory.js";
import { testDir } from "../../support/temp-dir.js";
import { World } from "../../vfs/world.js";
import { type Ran, runCommand } from "../run-command.js";

/** The stores of these tests have no daemon. */
const surroundings = { control: async () => undefined };

const MOUNT = {
  ...{ id: 9, parentId: 1, device: "0:99", root: "/", mountPoint: "/mnt", userId: 0 },
  ...{ type: "fuse.nexus", source: "/data" },
};

async function nexus(...args: string[]): Promise<Ran> {
  return await runCommand(args, { surroundings });
}

/** A store with two files, closed, and a place for its backups. */
async function store(): Promise<{ dataDir: string; to: string }> {
  const [dataDir, base] = [testDir(), testDir()];
  const client = await connect({ dataDir });
  await client.write("/docs/a.txt", "hello");
  await client.write("/docs/b.txt", "world!");
  await client.close();
  return { dataDir, to: join(base, "backups") };
}

describe("nexus backup and nexus restore", () => {
  test("say what they did, in words", async () => {
    const { dataDir, to } = await store();
    const first = await nexus("backup", to, "--data-dir", dataDir);
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toMatch(
      /^A new directory of backups was begun at \S+\.\nBacked up 2 files \(11\) to \S+ as \S+Z: copied 2 contents \(11\), 1 snapshot there\.\n$/,
    );
    const second = await nexus("backup", to, "--keep", "1", "--data-dir", dataDir);
    expect(second.stdout).toMatch(
      /^Backed up .*copied 0 contents \(0\), .*\nRemoved 1 snapshot and 0 contents/,
    );
    const listed = await nexus("restore", to, "--list");
    const [id = ""] = readdirSync(join(to, "snapshots"));
    expect(listed.stdout.split("\n")[1]).toMatch(new RegExp(`^${id} .* 2 +11 +0$`));
    const restored = join(testDir(), "back");
    const { code, stdout } = await nexus("restore", to, "--data-dir", restored);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Restored 2 files \(11\) to \S+\/back, as they were at \S+Z\.\n$/);
    expect(problemsIn(restored)).toStrictEqual([]);
    const client = await connect({ dataDir: restored });
    expect((await client.read("/docs/b.txt")).toString()).toBe("world!");
    await client.close();
  });

  test("say it as JSON, too", async () => {
    const { dataDir, to } = await store();
    const { stdout } = await nexus("backup", to, "--json", "--data-dir", dataDir);
    const made = JSON.parse(stdout) as { snapshot: string };
    expect(made).toMatchObject({
      ...{ directory: to, files: 2, contents: 2, bytes: 11, snapshots: 1, removed: null },
      ...{ copied: { contents: 2, bytes: 11 }, damaged: [], is_new_directory: true },
    });
    const restored = join(testDir(), "back");
    const again = await nexus("restore", to, "--json", "--data-dir", restored);
    expect(JSON.parse(again.stdout)).toMatchObject({ data_dir: restored, snapshot: made.snapshot });
    const listed = await nexus("restore", to, "--list", "--json");
    expect(JSON.parse(listed.stdout)).toMatchObject([{ id: made.snapshot, files: 2, format: 1 }]);
    const later = await nexus("backup", to, "--json", "--data-dir", dataDir);
    expect(JSON.parse(later.stdout)).toMatchObject({ is_new_directory: false });
  });

  test("name the files that they couldn't copy, and end with 1", async () => {
    const [world, to] = [new World(), join(testDir(), "backups")];
    const { dataDir } = world;
    for (const name of ["a.txt", "b.txt"]) await world.write(name, name);
    await world.sealed("a.txt", "b.txt");
    await world.close();
    const blob = blobsOf(dataDir).find(({ hash }) => hash === hashOf("a.txt"));
    rmSync(blob?.path ?? "");
    const { code, stdout, stderr } = await nexus("backup", to, "--data-dir", dataDir);
    expect(code).toBe(1);
    expect(stdout).toContain("Backed up 2 files");
    expect(stderr).toMatch(/^nexus: \/a\.txt: not copied, its content is missing in the store/);
    const restored = await nexus("restore", to, "--data-dir", join(testDir(), "back"));
    expect(restored.code).toBe(1);
    expect(restored.stderr).toContain("/a.txt: not copied, its content is missing in the backup");
  });

  test("refuse what can't be meant, with 2", async () => {
    const { dataDir, to } = await store();
    expect(await nexus("backup", to, "--keep", "0", "--data-dir", dataDir)).toMatchObject({
      code: 2,
    });
    expect(await nexus("backup", join(dataDir, "b"), "--data-dir", dataDir)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("another disk"),
    });
    expect(await nexus("restore", to)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--data-dir"),
    });
  });

  test("refuse a place that would be lost with the store, by whatever path, or that isn't on its disk", async () => {
    const { dataDir } = await store();
    const base = testDir();
    symlinkSync(dataDir, join(base, "link"));
    mkdirSync(join(base, "mnt"));
    const mount = { ...MOUNT, mountPoint: join(base, "mnt"), source: dataDir };
    const attempt = (to: string, mounts = [mount]) =>
      runCommand(["backup", to, "--data-dir", dataDir], {
        surroundings: { ...surroundings, readMounts: () => mounts },
      });
    for (const place of ["link", "link/backups", "mnt", "mnt/backups"]) {
      expect(await attempt(join(base, place))).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("another disk"),
      });
    }
    expect(await attempt(join(base, "disk", "backups"))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("is its disk mounted?"),
    });
    expect(readdirSync(base).sort()).toStrictEqual(["link", "mnt"]);
    expect(readdirSync(join(base, "mnt"))).toStrictEqual([]);
    const another = [{ ...mount, source: testDir() }];
    expect(await attempt(join(base, "mnt", "backups"), another)).toMatchObject({ code: 0 });
  });

  test("make no store and no backup where there is none", async () => {
    const missing = join(testDir(), "missing");
    const backup = await nexus("backup", join(missing, "b"), "--data-dir", missing);
    expect(backup).toMatchObject({ code: 1, stderr: expect.stringContaining("there is no store") });
    const restore = await nexus("restore", missing, "--data-dir", join(testDir(), "new"));
    expect(restore).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("there is no backup"),
    });
  });
});
