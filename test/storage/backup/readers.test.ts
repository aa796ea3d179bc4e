import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { pruneBackups } from "../../../src/sdk/backup.js";
import { BackupDirectory } from "../../../src/storage/backup/backup-directory.js";
import { backUp, restore } from "../../support/backups.js";
import { SmallDisk, WHY_NO_SMALL_DISKS } from "../../support/small-disk.js";
import { testDir } from "../../support/temp-dir.js";
import { World } from "../../vfs/world.js";

test("several may read a directory of backups at once, and nobody writes there meanwhile", async () => {
  const [world, to] = [new World(), testDir()];
  await world.write("file", "text");
  await backUp(world, { to });
  const reader = await BackupDirectory.openToRead(to);
  expect((await restore(to)).damaged).toStrictEqual([]);
  const refused = {
    kind: "in-use",
    message: expect.stringContaining(`the directory of backups ${to} is in use by process`),
  };
  await expect(BackupDirectory.openToWrite(to)).rejects.toMatchObject(refused);
  await expect(BackupDirectory.openToPrune(to)).rejects.toMatchObject(refused);
  reader.close();
  const writer = await BackupDirectory.openToWrite(to);
  onTestFinished(() => writer.close());
  await expect(restore(to)).rejects.toMatchObject(refused);
});

test.skipIf(WHY_NO_SMALL_DISKS !== undefined)(
  "a backup is restored where there is no room for its lock",
  async () => {
    const [world, disk] = [new World(), new SmallDisk({ sizeBytes: 2 ** 20 })];
    const to = join(disk.path, "backups");
    await world.write("file", "text");
    await backUp(world, { to });
    rmSync(join(to, "lock"));
    disk.fill();
    expect((await restore(to)).damaged).toStrictEqual([]);
    // It is held all the same.
    const reader = await BackupDirectory.openToRead(to);
    onTestFinished(() => reader.close());
    await expect(BackupDirectory.openToPrune(to)).rejects.toMatchObject({ kind: "in-use" });
  },
);

test.skipIf(WHY_NO_SMALL_DISKS !== undefined)(
  "old snapshots are removed where there is no room for the lock, and nobody else is at it meanwhile",
  async () => {
    const [world, disk] = [new World(), new SmallDisk({ sizeBytes: 2 ** 21 })];
    const to = join(disk.path, "backups");
    await world.write("file", "text");
    for (let count = 0; count < 2; count++) await backUp(world, { to });
    rmSync(join(to, "lock"));
    disk.fill();
    const pruner = await BackupDirectory.openToPrune(to);
    await expect(BackupDirectory.openToRead(to)).rejects.toMatchObject({ kind: "in-use" });
    pruner.close();
    const { signal } = new AbortController();
    expect((await pruneBackups({ directory: to, keep: 1, signal })).removed.snapshots).toBe(1);
  },
);
