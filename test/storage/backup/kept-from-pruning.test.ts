import { copyFileSync, existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pruneBackups } from "../../../src/sdk/backup.js";
import { BehindNote } from "../../../src/storage/behind-note.js";
import { runCommand } from "../../cli/run-command.js";
import { backUp } from "../../support/backups.js";
import { blob, makeStore, withStore } from "../../support/checked-store.js";
import { testDir } from "../../support/temp-dir.js";
import { World } from "../../vfs/world.js";

// What keeps older snapshots from being removed takes nothing from the one that was made.

const { signal } = new AbortController();

/** `nexus backup`. */
async function backup(dataDir: string, ...args: string[]) {
  return await runCommand(["backup", ...args, "--data-dir", dataDir]);
}

function snapshotsIn(to: string): string[] {
  return readdirSync(join(to, "snapshots")).sort();
}

test.each([
  ["isn't as it was written", (path: string) => writeFileSync(path, "changed")],
  ["is missing", (path: string) => rmSync(path)],
])(
  "a kept snapshot whose database %s keeps the others, and is told of after the new one",
  async (trouble, spoil) => {
    const [dataDir, to] = [await makeStore(), testDir()];
    for (let count = 0; count < 2; count++) await backup(dataDir, to);
    const [, second = ""] = snapshotsIn(to);
    const database = join(to, "snapshots", second, "metadata.db");
    spoil(database);
    const why = `no snapshot was removed, as nobody knows what ${join(to, "snapshots", second)} has (${database} ${trouble}); mend its metadata.db, or remove the directory if it needn't be kept`;

    const said = await backup(dataDir, to, "--keep", "2");
    expect(said).toMatchObject({ code: 1, stderr: `nexus: ${why}\n` });
    expect(said.stdout).toMatch(/^Backed up 2 files .* 3 snapshots there\.\n$/);
    const json = await backup(dataDir, to, "--keep", "3", "--json");
    expect(json).toMatchObject({ code: 1, stderr: `nexus: ${why}\n` });
    expect(JSON.parse(json.stdout)).toMatchObject({
      removed: null,
      snapshots: 4,
      prune_failure: why,
    });
    const pruned = pruneBackups({ directory: to, keep: 3, signal });
    await expect(pruned).rejects.toMatchObject({ kind: "corrupt", message: why });
    expect(snapshotsIn(to)).toHaveLength(4);

    // As it is advised.
    rmSync(join(to, "snapshots", second), { recursive: true });
    const after = await backup(dataDir, to, "--keep", "1", "--json");
    expect(after).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(after.stdout)).toMatchObject({ snapshots: 1, prune_failure: null });
  },
);

test.each([
  ["start", "of a store that is known to lack changes"],
  ["repair", "of a store that is known to lack changes"],
  ["repair-of-rows", "of a store whose repair hasn't come to its end"],
] as const)(
  "no snapshot goes for one of a store that lacks something, until it is repaired (noted by: %s)",
  async (notedBy, of) => {
    const [dataDir, to] = [await makeStore(), testDir()];
    for (let count = 0; count < 2; count++) await backup(dataDir, to);
    const behind = { sinceMs: Date.now(), why: "the log was lost", notedBy };
    new BehindNote(dataDir).write(behind);
    const { code, stdout, stderr } = await backup(dataDir, to, "--keep", "1");
    const [, , newest = ""] = snapshotsIn(to);
    expect(stdout).toContain("3 snapshots there");
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^nexus: no snapshot was removed, .* \(the log was lost\), .* nexus fsck --repair/,
    );
    expect(stderr).toContain(of);
    expect(stderr.includes("take the database back")).toBe(notedBy !== "repair-of-rows");
    expect(stderr).toContain(newest);
    const pruned = pruneBackups({ directory: to, keep: 1, signal });
    await expect(pruned).rejects.toMatchObject({ kind: "corrupt", message: stderr.slice(7, -1) });
    expect(snapshotsIn(to)).toHaveLength(3);
    // Where all stay, there is nothing to refuse.
    expect(await pruneBackups({ directory: to, keep: 3, signal })).toMatchObject({ snapshots: 3 });

    new BehindNote(dataDir).clear();
    expect(await backup(dataDir, to, "--keep", "1")).toMatchObject({ code: 0, stderr: "" });
    expect(snapshotsIn(to)).toHaveLength(1);
  },
);

test("a database that was replaced by an older one costs no snapshot of the newer one", async () => {
  const [dataDir, to] = [await makeStore(), testDir()];
  const database = join(dataDir, "metadata.db");
  const older = join(testDir(), "older.db");
  copyFileSync(database, older);
  await withStore(dataDir, async ({ files }) => {
    await files.write("/documents/two", "two");
    await files.write("/documents/three", "three");
  });
  expect(await backup(dataDir, to)).toMatchObject({ code: 0 });
  const [first = ""] = snapshotsIn(to);
  copyFileSync(older, database);
  // Even where it would stay: what is there may be all that somebody has.
  for (const keep of ["1", "9"]) {
    expect(await backup(dataDir, to, "--keep", keep)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("known to lack changes"),
    });
  }
  expect(snapshotsIn(to)).toHaveLength(3);
  expect(snapshotsIn(to)).toContain(first);
  expect(existsSync(blob(to, "three"))).toBe(true);
});

test.each([
  ["start", 8, 1],
  ["start", 6, 2],
  ["repair", 8, 2],
] as const)(
  "what a %s noted %d days ago leaves %d snapshots of those that a daemon's store had",
  async (notedBy, days, left) => {
    const [world, to] = [new World(), testDir()];
    await world.write("file", "its content");
    await backUp(world, { to });
    const sinceMs = Date.now() - days * 24 * 3600 * 1000;
    new BehindNote(world.dataDir).write({ sinceMs, why: "the log was lost", notedBy });
    const { pruneFailure } = await backUp(world, { to, keep: 1 });
    expect(pruneFailure?.kind).toBe(left === 1 ? undefined : "corrupt");
    expect(snapshotsIn(to)).toHaveLength(left);
    await world.close();
  },
);
