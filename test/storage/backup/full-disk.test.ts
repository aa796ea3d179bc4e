import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { pruneBackups } from "../../../src/sdk/backup.js";
import { backUp, restore } from "../../support/backups.js";
import { bytesOfLength } from "../../support/bytes.js";
import { problemsIn } from "../../support/data-directory.js";
import { kindOfLater } from "../../support/error-kind.js";
import { SmallDisk, WHY_NO_SMALL_DISKS } from "../../support/small-disk.js";
import { testDir } from "../../support/temp-dir.js";
import { World } from "../../vfs/world.js";

const { signal } = new AbortController();
const MIB = 1024 * 1024;

/** It isn't the store's disk, and what helps is said. */
function noRoomAt(to: string) {
  const message = `${to} has no room for the backup: its disk is full; nexus backup with --prune --keep N makes none, and removes old ones`;
  return { kind: "no-space", message };
}

describe.skipIf(WHY_NO_SMALL_DISKS !== undefined)("a full disk", () => {
  test("under the backups leaves the last snapshot whole, and with room the next run goes on", async () => {
    const world = new World();
    const disk = new SmallDisk({ sizeBytes: 8 * MIB });
    const to = join(disk.path, "backups");
    await world.write("file", "text");
    const first = await backUp(world, { to });
    for (let count = 0; count < 40; count++) {
      await world.write(`new${count}`, bytesOfLength(50_000 + count));
    }
    // Wherever it runs out: with none at all, for the database alone, or among the contents.
    for (const leaveBytes of [0, 64 * 1024, 300 * 1024, MIB]) {
      disk.fill({ leaveBytes });
      await expect(backUp(world, { to })).rejects.toMatchObject(noRoomAt(to));
      disk.free();
      expect(readdirSync(join(to, "snapshots"))).toStrictEqual([first.snapshot]);
      expect(problemsIn((await restore(to)).dataDir)).toStrictEqual([]);
    }
    const { copied } = await backUp(world, { to });
    expect(copied.contents).toBeLessThanOrEqual(40);
    const { dataDir } = await restore(to);
    expect(problemsIn(dataDir)).toStrictEqual([]);
    expect((await new World({ dataDir }).read("new39")).length).toBeGreaterThan(0);
  });

  test("under the backups is emptied without a new snapshot, and then there is room for one", async () => {
    const world = new World();
    const disk = new SmallDisk({ sizeBytes: 8 * MIB });
    const to = join(disk.path, "backups");
    for (const name of ["first", "second"]) {
      await world.write(name, bytesOfLength(2 * MIB, name.length));
      await backUp(world, { to });
      await world.unlink(name);
    }
    disk.fill();
    await world.write("third", bytesOfLength(3 * MIB, 3));
    await expect(backUp(world, { to, keep: 1 })).rejects.toMatchObject(noRoomAt(to));
    expect(await pruneBackups({ directory: to, keep: 1, signal })).toStrictEqual({
      removed: { snapshots: 1, contents: 1, bytes: 2 * MIB },
      ...{ snapshots: 1, lacking: [] },
    });
    expect(problemsIn((await restore(to)).dataDir)).toStrictEqual([]);
    // What was removed by hand, too.
    disk.free();
    rmSync(join(to, "snapshots"), { recursive: true });
    expect((await pruneBackups({ directory: to, keep: 1, signal })).removed.contents).toBe(1);
    expect((await backUp(world, { to })).copied.contents).toBe(1);
  });

  test("under the backups is called that before anything is copied, too", async () => {
    const world = new World();
    const disk = new SmallDisk({ sizeBytes: 8 * MIB });
    const to = join(disk.path, "backups");
    await backUp(world, { to });
    rmSync(join(to, "backup.json"));
    disk.fill();
    await expect(backUp(world, { to })).rejects.toMatchObject(noRoomAt(to));
  });

  test("under a store doesn't keep what isn't sealed out of its backup", async () => {
    const disk = new SmallDisk({ sizeBytes: 24 * MIB });
    const world = new World({ dataDir: disk.path });
    await world.write("file", "text");
    await world.metadata.sync();
    disk.fill();
    const to = join(new SmallDisk({ sizeBytes: 8 * MIB }).path, "backups");
    await backUp(world, { to });
    disk.free();
    expect(await new World({ dataDir: (await restore(to)).dataDir }).read("file")).toBe("text");
  });

  test("where a store is restored leaves what was there", async () => {
    const world = new World();
    await world.write("large", bytesOfLength(3 * MIB));
    const to = join(new SmallDisk({ sizeBytes: 16 * MIB }).path, "backups");
    await backUp(world, { to });
    const disk = new SmallDisk({ sizeBytes: 2 * MIB });
    expect(await kindOfLater(restore(to, { dataDir: disk.path }))).toBe("no-space");
    expect(readdirSync(disk.path)).toStrictEqual([]);
  });

  test("under the store that is restored is left as it was, wherever it runs out", async () => {
    const [world, to] = [new World(), testDir()];
    await world.write("file", bytesOfLength(200_000));
    await backUp(world, { to });
    const disk = new SmallDisk({ sizeBytes: 4 * MIB });
    const there = join(disk.path, "there");
    mkdirSync(there);
    // With no room for the lock, for the marker, for the database, for the content.
    for (const leaveBytes of [0, 4 * 1024, 16 * 1024, 200 * 1024]) {
      disk.fill({ leaveBytes });
      for (const dataDir of [there, join(disk.path, "new", "store")]) {
        expect(await kindOfLater(restore(to, { dataDir }))).toBe("no-space");
      }
      expect(readdirSync(there)).toStrictEqual([]);
      expect(readdirSync(disk.path).sort()).toStrictEqual(["filler", "there"]);
      disk.free();
    }
    expect(problemsIn((await restore(to, { dataDir: there })).dataDir)).toStrictEqual([]);
  });
});
