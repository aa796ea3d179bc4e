import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { listSnapshots } from "../../../src/sdk/restore.js";
import { runCommand } from "../../cli/run-command.js";
import { backUp, restore } from "../../support/backups.js";
import { blob } from "../../support/checked-store.js";
import { testDir } from "../../support/temp-dir.js";
import { World } from "../../vfs/world.js";

// What is in the place of snapshots, and not by a name that a backup gave it.

/** Two snapshots, each with a file of its own. */
async function twoSnapshots() {
  const [world, to] = [new World(), testDir()];
  await world.write("first", "first");
  const { snapshot: first } = await backUp(world, { to });
  await world.unlink("first");
  await world.write("second", "second");
  const { snapshot: second } = await backUp(world, { to });
  return { world, to, first, second };
}

function rename(to: string, { from, as }: { from: string; as: string }): void {
  renameSync(join(to, "snapshots", from), join(to, "snapshots", as));
}

/** The ids of those that can be read. */
async function idsIn(to: string): Promise<string[]> {
  return (await listSnapshots(to)).readable.map(({ id }) => id);
}

test.each(["before the upgrade", "0"])(
  "a snapshot that somebody called %j is listed by its time, restored by its name, and never the newest",
  async (name) => {
    const { world, to, first, second } = await twoSnapshots();
    rename(to, { from: first, as: name });
    expect(await idsIn(to)).toStrictEqual([name, second]);
    expect((await restore(to)).snapshot).toBe(second);
    const { dataDir } = await restore(to, { snapshot: name });
    expect(await new World({ dataDir }).read("first")).toBe("first");
    const { snapshot: third } = await backUp(world, { to });
    expect(await idsIn(to)).toStrictEqual([name, second, third]);
  },
);

test("a snapshot that somebody gave a name is kept with its contents beside those to keep", async () => {
  const { world, to, first } = await twoSnapshots();
  rename(to, { from: first, as: "before the upgrade" });
  const { snapshot, removed, snapshots } = await backUp(world, { to, keep: 1 });
  expect(removed).toStrictEqual({ snapshots: 1, contents: 0, bytes: 0 });
  expect(snapshots).toBe(2);
  expect(await idsIn(to)).toStrictEqual(["before the upgrade", snapshot]);
  expect((await restore(to, { snapshot: "before the upgrade" })).damaged).toStrictEqual([]);
  expect(existsSync(blob(to, "first"))).toBe(true);
});

test("where all snapshots were given names, the one to restore has to be said", async () => {
  const { to, first, second } = await twoSnapshots();
  for (const [from, as] of [
    [first, "a"],
    [second, "b"],
  ] as const) {
    rename(to, { from, as });
  }
  const failed = restore(to);
  await expect(failed).rejects.toMatchObject({
    kind: "not-found",
    message: expect.stringContaining("--snapshot"),
  });
  expect((await restore(to, { snapshot: "b" })).snapshot).toBe("b");
});

test("what another program has put there is in the way of no restore, and keeps everything from being removed", async () => {
  const { world, to, second } = await twoSnapshots();
  mkdirSync(join(to, "snapshots", "@eaDir"));
  expect((await restore(to)).snapshot).toBe(second);
  expect((await listSnapshots(to)).unreadable.map(({ id }) => id)).toStrictEqual(["@eaDir"]);
  expect((await backUp(world, { to, keep: 1 })).pruneFailure?.kind).toBe("corrupt");
  expect(readdirSync(join(to, "snapshots"))).toHaveLength(4);
});

test("a loop of symlinks is listed as what can't be read, and is in the way of nothing but pruning", async () => {
  const { world, to, second } = await twoSnapshots();
  symlinkSync("loop", join(to, "snapshots", "loop"));
  expect((await restore(to)).snapshot).toBe(second);
  expect((await listSnapshots(to)).unreadable).toMatchObject([
    { id: "loop", failure: { kind: "symlink-loop" } },
  ]);
  const { snapshots, pruneFailure } = await backUp(world, { to, keep: 1 });
  expect(snapshots).toBe(4);
  expect(pruneFailure?.message).toContain(join(to, "snapshots", "loop"));
});

test.each([
  ["when it was taken", { takenAt: "soon" }],
  ["what its store lacks", { behind: 1 }],
])("a snapshot that doesn't say %s, as we do, can't be read", async (_, changed) => {
  const { to, first, second } = await twoSnapshots();
  const path = join(to, "snapshots", first, "backup.json");
  const manifest = JSON.parse(readFileSync(path, "utf8")) as object;
  writeFileSync(path, JSON.stringify({ ...manifest, ...changed }));
  const { readable, unreadable } = await listSnapshots(to);
  expect(readable.map(({ id }) => id)).toStrictEqual([second]);
  expect(unreadable).toMatchObject([{ id: first, failure: { kind: "corrupt" } }]);
  const { code, stdout } = await runCommand(["restore", to, "--list"]);
  expect(code).toBe(1);
  expect(stdout).not.toContain("NaN");
});
