import { rmSync } from "node:fs";
import { expect, test } from "vitest";
import { pruneBackups } from "../../../src/sdk/backup.js";
import { listSnapshots } from "../../../src/sdk/restore.js";
import { runCommand } from "../../cli/run-command.js";
import { backUp, restore } from "../../support/backups.js";
import { blob } from "../../support/checked-store.js";
import { testDir } from "../../support/temp-dir.js";
import { World } from "../../vfs/world.js";

// A store that was restored is the same store, as a drill makes it, or a move.

const { signal } = new AbortController();

/** Two snapshots of a store, and a copy of it that was restored. */
async function withCopy() {
  const [world, to] = [new World(), testDir()];
  const ids: string[] = [];
  for (const name of ["first", "second"]) {
    await world.write(name, name);
    ids.push((await backUp(world, { to })).snapshot);
  }
  const copy = new World({ dataDir: (await restore(to)).dataDir });
  return { world, copy, to, ids };
}

async function idsIn(to: string): Promise<string[]> {
  return (await listSnapshots(to)).readable.map(({ id }) => id);
}

test("a copy that was restored removes no snapshot but its own", async () => {
  const { world, copy, to, ids } = await withCopy();
  const one = await backUp(copy, { to, keep: 1 });
  expect(one.removed?.snapshots).toBe(0);
  const two = await backUp(copy, { to, keep: 1 });
  expect(await idsIn(to)).toStrictEqual([...ids, two.snapshot]);
  const three = await backUp(world, { to, keep: 2 });
  expect(await idsIn(to)).toStrictEqual([ids[1], two.snapshot, three.snapshot]);
  const four = await backUp(copy, { to });
  await pruneBackups({ directory: to, keep: 1, signal });
  expect(await idsIn(to)).toStrictEqual([three.snapshot, four.snapshot]);
});

test("pruning alone removes none while the newest one of any lacks something; the others' own runs go on", async () => {
  const { world, copy, to, ids } = await withCopy();
  await copy.sealed("first");
  for (const directory of [to, copy.dataDir]) rmSync(blob(directory, "first"));
  const { snapshot, damaged } = await backUp(copy, { to });
  expect(damaged).toHaveLength(1);
  await expect(pruneBackups({ directory: to, keep: 1, signal })).rejects.toMatchObject({
    kind: "corrupt",
    message: expect.stringContaining(
      `the newest one of ${copy.dataDir} (${snapshot}) lacks 1 contents`,
    ),
  });
  expect(await idsIn(to)).toStrictEqual([...ids, snapshot]);
  expect((await backUp(world, { to, keep: 1 })).removed?.snapshots).toBe(2);
});

test("--list says of which data directory each is, where they are of more than one", async () => {
  const { world, copy, to } = await withCopy();
  expect((await runCommand(["restore", to, "--list"])).stdout).not.toContain(world.dataDir);
  await backUp(copy, { to });
  const [head, ...rows] = (await runCommand(["restore", to, "--list"])).stdout.trim().split("\n");
  expect(head).toMatch(/ DATA DIRECTORY$/);
  const shown = rows.map((row) => row.split(" ").at(-1));
  expect(shown).toStrictEqual([world.dataDir, world.dataDir, copy.dataDir]);
});
