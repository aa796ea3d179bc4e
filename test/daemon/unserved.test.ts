import { describe, expect, test } from "vitest";
import { PROC } from "../../src/daemon/finishing.js";
import { isUnserved } from "../../src/daemon/unserved.js";
import type { HostMount } from "../../src/libc/host-mounts.js";
import { DataDirLock, type LockHolder } from "../../src/storage/data-dir-lock.js";
import { testDir } from "../support/temp-dir.js";

const HERE = PROC.namespaceOf("self") ?? "";

/** A mount of a store that somebody had; whether he still has it. */
async function mountOf(holder: LockHolder) {
  const source = testDir();
  const lock = await DataDirLock.acquire({
    ...{ dataDir: source, holder, waitMs: 0 },
    isFinishing: () => false,
    onWait: () => undefined,
  });
  const mount: HostMount = {
    ...{ id: 40, parentId: 25, device: "0:40", root: "/", mountPoint: "/mnt", userId: 0 },
    ...{ type: "fuse.nexus", source },
  };
  return { lock, mount };
}

describe("a mount is known to be unserved", () => {
  test("when nobody has its store any more", async () => {
    const { lock, mount } = await mountOf({ pid: 12, namespace: HERE });
    expect(isUnserved(mount)).toBe(false);
    lock.release();
    expect(isUnserved(mount)).toBe(true);
  });

  test("not when whoever had it lived elsewhere, where the directory may be another one", async () => {
    const { lock, mount } = await mountOf({ pid: 12, namespace: "mnt:[1]" });
    lock.release();
    expect(isUnserved(mount)).toBe(false);
  });

  test("not when there is no such store here", async () => {
    const { lock, mount } = await mountOf({ pid: 12, namespace: HERE });
    lock.release();
    expect(isUnserved({ ...mount, source: `${mount.source}/elsewhere` })).toBe(false);
  });
});
