import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { bytesOfLength } from "../../../support/bytes.js";
import { afterKill } from "../../../support/crash.js";
import { kindOf, kindOfLater } from "../../../support/error-kind.js";
import { SmallDisk, WHY_NO_SMALL_DISKS } from "../../../support/small-disk.js";
import { openContentStore } from "../../../support/stores.js";
import { Contents, hashOf, readAll } from "../fixture.js";

const MIB = 1024 * 1024;

function open(): { contents: Contents; disk: SmallDisk; dataDir: string } {
  const disk = new SmallDisk({ sizeBytes: 4 * MIB });
  const dataDir = join(disk.path, "data");
  const store = openContentStore(dataDir);
  onTestFinished(() => store.close());
  return { contents: new Contents(store), disk, dataDir };
}

const WHY = WHY_NO_SMALL_DISKS === undefined ? "" : ` (skipped: ${WHY_NO_SMALL_DISKS})`;

describe.skipIf(WHY_NO_SMALL_DISKS !== undefined)(`on a full disk${WHY}`, () => {
  test("a small content stays what it was, also after a kill", () => {
    const { contents, disk, dataDir } = open();
    const file = contents.staged(Buffer.from("before"));
    disk.fill();
    const more = { from: bytesOfLength(60_000), offset: 0 };
    expect(kindOf(() => file.write(more))).toBe("no-space");
    expect(readAll(file).toString()).toBe("before");
    expect(file.sizeBytes).toBe(6);
    disk.free();
    const after = new Contents(openContentStore(afterKill(dataDir)));
    expect(after.stagedBytes(file.id).toString()).toBe("before");
    file.write({ from: Buffer.from("after!"), offset: 0 });
    expect(readAll(file).toString()).toBe("after!");
  });

  test("a change that fails in the log leaves nothing of it for the next start", () => {
    const { contents, disk, dataDir } = open();
    const file = contents.staged(Buffer.from("first "));
    // Room for a part of the record.
    disk.fill({ leaveBytes: 8192 });
    expect(kindOf(() => file.write({ from: bytesOfLength(60_000), offset: 0 }))).toBe("no-space");
    file.write({ from: Buffer.from("second"), offset: 6 });
    disk.free();
    const after = new Contents(openContentStore(afterKill(dataDir)));
    expect(after.stagedBytes(file.id).toString()).toBe("first second");
  });

  test("its time stays, too, when that can't be logged", () => {
    const { contents, disk } = open();
    // The rest of a block is room for some records.
    const file = contents.staged(bytesOfLength(3900));
    const before = file.stat().mtime;
    disk.fill();
    const setTimes = () => {
      for (let sec = 1; sec < 1000; sec++) file.setModified({ sec, nsec: 0 });
    };
    expect(kindOf(setTimes)).toBe("no-space");
    const { mtime } = file.stat();
    disk.free();
    file.setModified(before);
    expect(mtime.sec).toBeLessThan(999);
    expect(file.stat().mtime).toStrictEqual(before);
  });

  test("one that can't become a file stays small, and becomes one later", () => {
    const { contents, disk } = open();
    const bytes = bytesOfLength(60_000);
    const file = contents.staged(bytes);
    disk.fill();
    const end = { from: bytesOfLength(10_000), offset: 60_000 };
    expect(kindOf(() => file.write(end))).toBe("no-space");
    expect(readAll(file).equals(bytes)).toBe(true);
    disk.free();
    file.write(end);
    expect(readAll(file).equals(Buffer.concat([bytes, end.from]))).toBe(true);
  });

  test("one that can't become a file takes no room for it", () => {
    const { contents, disk, dataDir } = open();
    const file = contents.staged(bytesOfLength(60_000));
    disk.fill({ leaveBytes: 32_768 });
    const end = { from: bytesOfLength(10_000), offset: 60_000 };
    expect(kindOf(() => file.write(end))).toBe("no-space");
    expect(readdirSync(join(dataDir, "staging"))).toStrictEqual(["log-1"]);
  });

  test("a large file is as long as before when a write to it fails", () => {
    const { contents, disk } = open();
    const file = contents.staged(bytesOfLength(100_000));
    disk.fill({ leaveBytes: 65_536 });
    const more = { from: bytesOfLength(500_000), offset: 100_000 };
    expect(kindOf(() => file.write(more))).toBe("no-space");
    expect([file.sizeBytes, file.stat().sizeBytes]).toStrictEqual([100_000, 100_000]);
    expect(readAll(file).equals(bytesOfLength(100_000))).toBe(true);
  });

  test("a copy fails, and takes no room", async () => {
    const { contents, disk, dataDir } = open();
    const content = await contents.sealed(bytesOfLength(1.5 * MIB));
    const source = contents.store.open(content);
    disk.fill({ leaveBytes: 200_000 });
    for (const lengthBytes of [300_000, 1.5 * MIB]) {
      const id = contents.nextId();
      const copying = async () => contents.store.copyUp({ source, id, lengthBytes });
      expect(await kindOfLater(copying())).toBe("no-space");
      await expect.poll(() => contents.store.statStaging(id)).toBeUndefined();
    }
    expect(readdirSync(join(dataDir, "staging"))).toStrictEqual(["log-1"]);
    source.close();
  });

  test("sealing a small content fails whole, and works when there is room", async () => {
    const { contents, disk, dataDir } = open();
    const all = [1, 2, 3, 4].map((seed) => bytesOfLength(50_000, seed));
    const ids = all.map((bytes) => contents.stage(bytes));
    disk.fill({ leaveBytes: 81_920 });
    expect(await kindOfLater(contents.seal(...ids))).toBe("no-space");
    expect(readdirSync(join(dataDir, "staging"))).toStrictEqual(["log-1"]);
    expect(ids.map((id) => hashOf(contents.stagedBytes(id)))).toStrictEqual(all.map(hashOf));
    disk.free();
    const sealed = await contents.seal(...ids);
    expect(sealed.map((content) => hashOf(contents.bytesOf(content)))).toStrictEqual(
      all.map(hashOf),
    );
  });

  test("the capacity says so", () => {
    const { contents, disk } = open();
    disk.fill();
    const { blocks, blocksAvailable, blockBytes } = contents.store.capacity();
    expect(blocks * blockBytes).toBe(4 * MIB);
    expect(blocksAvailable).toBe(0);
  });
});
