import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { backUp, restore } from "../../support/backups.js";
import { bytesOfLength } from "../../support/bytes.js";
import { problemsIn } from "../../support/data-directory.js";
import { kindOfLater } from "../../support/error-kind.js";
import { SmallDisk, WHY_NO_SMALL_DISKS } from "../../support/small-disk.js";
import { World } from "../../vfs/world.js";

const MIB = 1024 * 1024;

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
      expect(await kindOfLater(backUp(world, { to }))).toBe("no-space");
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
});
