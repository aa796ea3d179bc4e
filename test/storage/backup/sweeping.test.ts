import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { NexusError } from "../../../src/model/errors.js";
import { pruneBackups } from "../../../src/sdk/backup.js";
import { runCommand } from "../../cli/run-command.js";
import { backUp } from "../../support/backups.js";
import { blob } from "../../support/checked-store.js";
import { kindOfLater } from "../../support/error-kind.js";
import { testDir } from "../../support/temp-dir.js";
import { World } from "../../vfs/world.js";

const NOTHING = { snapshots: 0, contents: 0, bytes: 0 };
const { signal } = new AbortController();

/** Two snapshots, of which the first has a content that the second hasn't. */
async function twoSnapshots() {
  const [world, to] = [new World(), testDir()];
  await world.write("first", "first");
  const { snapshot: first } = await backUp(world, { to });
  await world.unlink("first");
  await world.write("second", "second");
  const { snapshot: second } = await backUp(world, { to });
  return { world, to, first, second };
}

test("a snapshot that was removed by hand gives back its room with the next --keep, once", async () => {
  const { world, to, first } = await twoSnapshots();
  rmSync(join(to, "snapshots", first), { recursive: true });
  expect((await backUp(world, { to })).removed).toBeUndefined();
  const removed = { snapshots: 0, contents: 1, bytes: "first".length };
  expect((await backUp(world, { to, keep: 9 })).removed).toStrictEqual(removed);
  expect(existsSync(blob(to, "second"))).toBe(true);
  // Now that is known: what isn't needed for a sweep isn't looked at.
  const { snapshot, removed: again } = await backUp(world, { to, keep: 9 });
  expect(again).toStrictEqual(NOTHING);
  writeFileSync(join(to, "snapshots", snapshot, "metadata.db"), "not as it was");
  expect((await backUp(world, { to, keep: 9 })).removed).toStrictEqual(NOTHING);
});

test("what a run that was cut short had copied goes with the next --keep, if nobody needs it", async () => {
  const { world, to } = await twoSnapshots();
  const open = await world.create("third", "third");
  const stopped = backUp(world, {
    to,
    // Its content has its name by then.
    onPlan: () => Promise.reject(new NexusError("interrupted", "enough")),
  });
  expect(await kindOfLater(stopped)).toBe("interrupted");
  expect(existsSync(blob(to, "third"))).toBe(true);
  open.close();
  await world.unlink("third");
  expect((await backUp(world, { to, keep: 9 })).removed).toMatchObject({ contents: 1 });
  expect(existsSync(blob(to, "third"))).toBe(false);
});

test.each(["", "[1]", "{"])(
  "a note of the last sweep that is damaged (%j) counts as none",
  async (text) => {
    const { world, to } = await twoSnapshots();
    writeFileSync(join(to, "swept.json"), text);
    writeFileSync(join(to, "cas", "note.txt"), "not a content");
    expect((await backUp(world, { to, keep: 9 })).removed).toStrictEqual(NOTHING);
    expect(JSON.parse(readFileSync(join(to, "swept.json"), "utf8"))).toHaveLength(3);
  },
);

test("pruning alone removes no snapshot when the newest one lacks contents", async () => {
  const { world, to, second } = await twoSnapshots();
  await world.sealed("second");
  for (const directory of [to, world.dataDir]) rmSync(blob(directory, "second"));
  const { snapshot } = await backUp(world, { to });
  const pruned = pruneBackups({ directory: to, keep: 1, signal });
  await expect(pruned).rejects.toMatchObject({
    kind: "corrupt",
    message: expect.stringContaining(snapshot),
  });
  expect(existsSync(join(to, "snapshots", second))).toBe(true);
});

test("nexus backup --prune --keep needs no store, and says what it removed", async () => {
  const { to } = await twoSnapshots();
  expect(await runCommand(["backup", to, "--prune"])).toMatchObject({ code: 2 });
  expect(await runCommand(["backup", to, "--prune", "--keep", "1"])).toMatchObject({
    code: 0,
    stdout: "Removed 1 snapshot and 1 content (5): 1 snapshot there.\n",
  });
  const { stdout } = await runCommand(["backup", to, "--prune", "--keep", "1", "--json"]);
  expect(JSON.parse(stdout)).toStrictEqual({
    ...{ directory: to, removed: NOTHING, snapshots: 1, lacking: [] },
  });
  const missing = join(testDir(), "missing");
  expect(await runCommand(["backup", missing, "--prune", "--keep", "1"])).toMatchObject({
    code: 1,
  });
  expect(existsSync(missing)).toBe(false);
});

test("a snapshot that was elsewhere during a sweep, and came back incomplete, is told of by the next", async () => {
  const { world, to, first } = await twoSnapshots();
  const [place, away] = [join(to, "snapshots", first), join(testDir(), "away")];
  cpSync(place, away, { recursive: true });
  rmSync(place, { recursive: true });
  expect((await backUp(world, { to, keep: 9 })).removed?.contents).toBe(1);
  cpSync(away, join(to, "snapshots", "kept"), { recursive: true });
  const lacking = [{ snapshot: "kept", contents: 1 }];
  expect((await backUp(world, { to, keep: 1 })).lacking).toStrictEqual(lacking);
  await backUp(world, { to });
  expect(await runCommand(["backup", to, "--prune", "--keep", "1"])).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^Removed 1 snapshot /),
    stderr:
      "nexus: kept: this snapshot lacks 1 content that its files have; nexus restore says which\n",
  });
  await backUp(world, { to });
  const args = ["backup", to, "--prune", "--keep", "1", "--json"];
  expect(JSON.parse((await runCommand(args)).stdout)).toMatchObject({ lacking });
  // With a content that is there again it isn't incomplete.
  await world.write("first", "first");
  expect((await backUp(world, { to, keep: 1 })).lacking).toStrictEqual([]);
});

test("a kept snapshot that says itself how many contents it lacks isn't told of again", async () => {
  const { world, to } = await twoSnapshots();
  await world.sealed("second");
  for (const directory of [to, world.dataDir]) rmSync(blob(directory, "second"));
  const { snapshot } = await backUp(world, { to });
  for (const id of readdirSync(join(to, "snapshots"))) {
    if (id !== snapshot) rmSync(join(to, "snapshots", id), { recursive: true });
  }
  await world.unlink("second");
  const { removed, lacking } = await backUp(world, { to, keep: 2 });
  expect(removed?.contents).toBe(1);
  expect(lacking).toStrictEqual([]);
});
