import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { addStray } from "../../support/data-directory.js";
import { FakeClock } from "../../support/fake-clock.js";
import { testDir } from "../../support/temp-dir.js";
import { World } from "../../vfs/world.js";
import { type Ran, runCommand } from "../run-command.js";

/** A store with two files, as a daemon has it open that collects all, whatever its age. */
async function served({ graceMs = 0 } = {}): Promise<World> {
  const collection = { graceMs, intervalMs: 0 };
  const world = new World({ clock: new FakeClock(Date.now()), collection });
  for (const name of ["a", "b"]) await world.write(name, `content of ${name}`);
  await world.sealed("a", "b");
  world.metadata.commit();
  // The files of the host are of now.
  world.clock.skip(60_000);
  return world;
}

async function gc(world: World, ...args: string[]): Promise<Ran> {
  const control = async () => ({
    call: async (name: string, params: Readonly<Record<string, unknown>>) => {
      expect(name).toBe("daemon.collect");
      const { part, action } = params as { part: number; action: "look" | "remove" };
      return await world.nexus.collect(part, action);
    },
    close: () => undefined,
  });
  const line = ["gc", "--data-dir", world.dataDir, ...args];
  return await runCommand(line, { surroundings: { control } });
}

describe("nexus gc", () => {
  test("says what it would remove, and what it has removed", async () => {
    const world = await served();
    addStray(world.dataDir, "stray");
    const what = "1 file (5): 1 content that no file has, 0 left unfinished.\n";
    const dry = await gc(world, "--dry-run");
    expect(dry).toMatchObject({ code: 0, stderr: "", stdout: `Would remove ${what}` });
    expect(world.blobs).toHaveLength(3);
    const done = await gc(world);
    expect(done).toMatchObject({ code: 0, stderr: "", stdout: `Removed ${what}` });
    expect(world.blobs).toHaveLength(2);
    expect((await gc(world)).stdout).toMatch(/^Removed 0 files \(0\): 0 contents/);
  });

  test("says it as JSON, too", async () => {
    const world = await served();
    addStray(world.dataDir, "stray");
    const none = { files: 0, bytes: 0 };
    const { code, stdout } = await gc(world, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toStrictEqual({
      ...{ outcome: "removed", known: 2, contents: { files: 1, bytes: 5 } },
      ...{ unfinished: none, young: none, held: none },
    });
  });

  test("says what stays, and why", async () => {
    const world = await served({ graceMs: 120_000 });
    addStray(world.dataDir, "stray");
    expect((await gc(world)).stdout).toMatch(/^Removed 0 .*\nKept 1 file \(5\) as young\.\n$/);
    world.clock.skip(120_000);
    const hold = world.nexus.hold();
    await hold.begin();
    expect((await gc(world)).stdout).toMatch(
      /^Removed 0 .*\nKept 1 content \(5\) while a backup is made\.\n$/,
    );
    hold.end();
    expect(world.blobs).toHaveLength(3);
  });

  test("removes nothing when that would be most of all contents, unless it is forced to", async () => {
    const world = await served();
    for (const text of ["1", "2", "3"]) addStray(world.dataDir, text);
    const refused = await gc(world);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(
      /^nexus: 3 contents \(3\) have no file, and only 2 have one: nothing is removed, .*--force .*\n$/,
    );
    expect(await gc(world, "--dry-run")).toMatchObject({ code: 0, stderr: "" });
    expect(world.blobs).toHaveLength(5);
    expect(await gc(world, "--force")).toMatchObject({ code: 0, stderr: "" });
    expect(world.blobs).toHaveLength(2);
  });

  test("is no way to make a store, and takes no argument", async () => {
    const dataDir = join(testDir(), "none");
    expect(await runCommand(["gc", "--data-dir", dataDir])).toMatchObject({ code: 1, stdout: "" });
    expect(existsSync(dataDir)).toBe(false);
    expect(await runCommand(["gc", "more"])).toMatchObject({ code: 2, stdout: "" });
  });
});
