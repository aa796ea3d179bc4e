import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { listSnapshots } from "../../../src/sdk/restore.js";
import { runCommand } from "../../cli/run-command.js";
import { backUp, restore } from "../../support/backups.js";
import { blobsOf, hashOf } from "../../support/data-directory.js";
import { kindOfLater } from "../../support/error-kind.js";
import { testDir } from "../../support/temp-dir.js";
import { World } from "../../vfs/world.js";

/** What becomes of a manifest, and what a snapshot with it is then. */
const TROUBLES = {
  "is damaged": ["corrupt", (path: string) => writeFileSync(path, '{"format": 1, "sto')],
  "is missing": ["corrupt", (path: string) => rmSync(path)],
  "is a newer program's": [
    "not-supported",
    (path: string) => {
      const manifest = JSON.parse(readFileSync(path, "utf8")) as object;
      writeFileSync(path, JSON.stringify({ ...manifest, format: 99 }));
    },
  ],
} as const;

/** Three snapshots, each with one file of its own that is gone afterwards; the first one's manifest has a trouble. */
async function withTrouble(spoil: (path: string) => void) {
  const [world, to] = [new World(), testDir()];
  const ids: string[] = [];
  for (const name of ["first", "second", "third"]) {
    await world.write(name, name);
    ids.push((await backUp(world, { to })).snapshot);
    await world.unlink(name);
  }
  const [first = "", second = "", third = ""] = ids;
  spoil(join(to, "snapshots", first, "backup.json"));
  return { world, to, first, second, third };
}

describe.each(Object.entries(TROUBLES))("a snapshot whose manifest %s", (_, [kind, spoil]) => {
  test("is listed as that, and refused when it is asked for; the others are there as always", async () => {
    const { to, first, second, third } = await withTrouble(spoil);
    const { readable, unreadable } = await listSnapshots(to);
    expect(readable.map(({ id }) => id)).toStrictEqual([second, third]);
    expect(unreadable).toMatchObject([{ id: first, failure: { kind } }]);
    expect(await kindOfLater(restore(to, { snapshot: first }))).toBe(kind);
    expect((await restore(to, { snapshot: second })).snapshot).toBe(second);
    expect((await restore(to)).snapshot).toBe(third);
  });

  test("keeps what it names: no snapshot is removed, and a new one is made", async () => {
    const { world, to, first } = await withTrouble(spoil);
    const message = expect.stringContaining(join(to, "snapshots", first));
    const pruneFailure = { kind: "corrupt", message };
    expect(await backUp(world, { to, keep: 1 })).toMatchObject({
      removed: undefined,
      pruneFailure,
    });
    expect(readdirSync(join(to, "snapshots"))).toHaveLength(4);
    expect(blobsOf(to).map(({ hash }) => hash)).toContain(hashOf("first"));
    expect((await backUp(world, { to })).snapshots).toBe(5);
    rmSync(join(to, "snapshots", first), { recursive: true });
    expect(await backUp(world, { to, keep: 1 })).toMatchObject({
      removed: { snapshots: 4, contents: 3 },
      snapshots: 1,
    });
  });
});

describe.each(Object.entries(TROUBLES))("a directory whose own manifest %s", (_, [kind, spoil]) => {
  const isKnown = kind === "corrupt";

  test(`is ${isKnown ? "known by its snapshots, and mended by the next backup" : "left alone"}`, async () => {
    const { world, to, third } = await withTrouble(() => undefined);
    const manifest = join(to, "backup.json");
    const before = readFileSync(manifest, "utf8");
    spoil(manifest);
    if (!isKnown) {
      expect(await kindOfLater(restore(to))).toBe(kind);
      expect(await kindOfLater(backUp(world, { to }))).toBe(kind);
      return;
    }
    expect((await restore(to)).snapshot).toBe(third);
    expect(await kindOfLater(backUp(new World(), { to }))).toBe("not-permitted");
    await backUp(world, { to });
    expect(readFileSync(manifest, "utf8")).toBe(before);
  });
});

test("a directory whose snapshots are of two stores, and that doesn't say whose it is, is left alone", async () => {
  const [one, two] = [await withTrouble(() => undefined), await withTrouble(() => undefined)];
  renameSync(join(two.to, "snapshots", two.third), join(one.to, "snapshots", "9"));
  writeFileSync(join(one.to, "backup.json"), "");
  expect(await kindOfLater(restore(one.to))).toBe("corrupt");
  expect(await kindOfLater(backUp(one.world, { to: one.to }))).toBe("corrupt");
});

test("the newest snapshot is restored, or none: not an older one that nobody asked for", async () => {
  const { to, second, third } = await withTrouble(() => undefined);
  rmSync(join(to, "snapshots", third, "backup.json"));
  const dataDir = join(testDir(), "new");
  await expect(restore(to, { dataDir })).rejects.toMatchObject({
    kind: "corrupt",
    message: expect.stringContaining("--list"),
  });
  expect(existsSync(dataDir)).toBe(false);
  expect((await restore(to, { snapshot: second })).snapshot).toBe(second);
});

test("nexus restore --list says which can't be read, and ends with 1", async () => {
  const { to, first, second } = await withTrouble(TROUBLES["is missing"][1]);
  const listed = await runCommand(["restore", to, "--list"]);
  expect(listed).toMatchObject({ code: 1, stderr: expect.stringContaining(first) });
  expect(listed.stdout).toContain(second);
  expect(listed.stdout).not.toContain(first);
  const { stdout } = await runCommand(["restore", to, "--list", "--json"]);
  expect(JSON.parse(stdout)).toMatchObject([
    ...[{ id: second }, {}],
    { id: first, unreadable: expect.stringContaining("backup.json") },
  ]);
});
