import { renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { MountsFile } from "../../src/daemon/mounts-file.js";
import { isLeftIn, isUnserved } from "../../src/daemon/unserved.js";
import type { HostMount } from "../../src/libc/host-mounts.js";
import { DataDirLock, type LockHolder } from "../../src/storage/data-dir-lock.js";
import { testDir } from "../support/temp-dir.js";
import { spec } from "./fake-host.js";

const MOUNTS = [{ id: 1, mountPoint: "/mnt" }];

/** A store of which a mount is listed, and who has it. */
async function storeOf(holder: LockHolder) {
  const dataDir = join(testDir(), "data");
  const acquire = (by: LockHolder) =>
    DataDirLock.acquire({
      ...{ dataDir, holder: by, waitMs: 0 },
      isFinishing: () => false,
      onWait: () => undefined,
    });
  const lock = await acquire(holder);
  lock.note(holder);
  new MountsFile(dataDir).write({ mounts: [spec("/mnt")], persists: false });
  const mount: HostMount = {
    ...{ id: 40, parentId: 25, device: "0:40", root: "/", mountPoint: "/mnt", userId: 0 },
    ...{ type: "fuse.nexus", source: dataDir },
  };
  return { dataDir, acquire, lock, mount };
}

describe("a mount is known to be unserved", () => {
  test("when its store lists it and no daemon has that", async () => {
    const { lock, mount } = await storeOf({ pid: 12, mounts: MOUNTS });
    expect(isUnserved(mount)).toBe(false);
    lock.release();
    expect(isUnserved(mount)).toBe(true);
    expect(isUnserved({ ...mount, mountPoint: "/elsewhere" })).toBe(false);
  });

  test("also while a program uses the library, but not while a daemon starts", async () => {
    const { acquire, lock, mount } = await storeOf({ pid: 12, mounts: MOUNTS });
    lock.release();
    const program = await acquire({ pid: 13 });
    expect(isUnserved(mount)).toBe(true);
    program.release();
    await acquire({ pid: 14, isStarting: true });
    expect(isUnserved(mount)).toBe(false);
  });

  test("not when its source leads to another store by now, or to none", async () => {
    const { dataDir, lock, mount } = await storeOf({ pid: 12, mounts: MOUNTS });
    renameSync(dataDir, `${dataDir}-moved`);
    expect(isUnserved(mount)).toBe(false);
    const other = await storeOf({ pid: 15, mounts: [] });
    new MountsFile(other.dataDir).write({ mounts: [], persists: false });
    other.lock.release();
    symlinkSync(other.dataDir, dataDir);
    expect(isUnserved(mount)).toBe(false);
    lock.release();
  });

  test("by the daemon that has its store, under whatever name", async () => {
    const { dataDir, mount } = await storeOf({ pid: 12, mounts: MOUNTS });
    const alias = `${dataDir}-alias`;
    symlinkSync(dataDir, alias);
    expect(isLeftIn(alias, mount)).toBe(true);
    expect(isLeftIn(alias, { ...mount, mountPoint: "/elsewhere" })).toBe(false);
    expect(isLeftIn(testDir(), mount)).toBe(false);
    expect(isLeftIn(`${dataDir}-gone`, mount)).toBe(false);
  });
});
