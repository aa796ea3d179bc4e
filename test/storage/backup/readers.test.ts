import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
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
  },
);
