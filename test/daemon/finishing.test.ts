import { describe, expect, test } from "vitest";
import { isFinishing, PROC, type Sight } from "../../src/daemon/finishing.js";
import type { HostMount } from "../../src/libc/host-mounts.js";
import type { LockHolder } from "../../src/storage/data-dir-lock.js";

const HOLDER: LockHolder = {
  pid: 4711,
  mountPoint: "/mnt",
  dataDir: "/data",
  namespace: "mnt:[1]",
};
const MOUNT: HostMount = {
  ...{ id: 50, parentId: 1, device: "0:50", userId: 0, root: "/" },
  ...{ mountPoint: "/mnt", type: "fuse.nexus", source: "/data" },
};

function finishing(
  holder: LockHolder | undefined,
  {
    here = [],
    there = [],
    namespace = "mnt:[1]",
    alive = true,
  }: {
    here?: readonly HostMount[];
    there?: readonly HostMount[] | undefined;
    namespace?: string | undefined;
    alive?: boolean;
  } = {},
): boolean {
  const sight: Sight = {
    mountsOf: (pid) => (pid === "self" ? here : there),
    namespaceOf: (pid) => (pid === "self" ? "mnt:[1]" : namespace),
    isAlive: () => alive,
  };
  return isFinishing(holder, { dataDir: "/data", sight });
}

describe("the holder of a data directory is finishing", () => {
  test("not when it is a program that uses the library, which has no mount and may stay", () => {
    expect(finishing({ pid: 4711, dataDir: "/data" })).toBe(false);
  });

  test("when nothing is known of it, when it says so, and when it has no mount", () => {
    expect(finishing(undefined)).toBe(true);
    expect(finishing({ ...HOLDER, hasEnded: true }, { here: [MOUNT] })).toBe(true);
    expect(finishing(HOLDER)).toBe(true);
    expect(finishing({ pid: 4711, mountPoint: "/mnt" })).toBe(true);
  });

  test("when its mount doesn't answer", () => {
    expect(finishing(HOLDER, { here: [MOUNT], alive: false })).toBe(true);
    expect(finishing(HOLDER, { here: [MOUNT] })).toBe(false);
  });

  test("when another data directory is mounted at its place", () => {
    expect(finishing(HOLDER, { here: [{ ...MOUNT, source: "/other" }] })).toBe(true);
  });

  test("not when its mount is below another one, which nobody may ask for it", () => {
    const above = { ...MOUNT, id: 60, source: "/other" };
    expect(finishing(HOLDER, { here: [MOUNT, above], alive: false })).toBe(false);
  });

  test("not when it calls the data directory by another name", () => {
    const holder = { ...HOLDER, dataDir: "/link" };
    expect(finishing(holder, { here: [{ ...MOUNT, source: "/link" }] })).toBe(false);
  });
});

describe("a daemon with several mounts", () => {
  const second = { ...MOUNT, id: 51, mountPoint: "/second" };
  const mounts = [
    { id: 1, mountPoint: "/mnt" },
    { id: 2, mountPoint: "/second" },
  ];

  test("isn't finishing as long as it has one of them", () => {
    const holder = { ...HOLDER, mounts };
    expect(finishing(holder, { here: [MOUNT, second] })).toBe(false);
    expect(finishing(holder, { here: [second] })).toBe(false);
    expect(finishing(holder, { here: [second], alive: false })).toBe(true);
    expect(finishing(holder)).toBe(true);
  });

  test("isn't finishing when it stays without any, and is when it has just started", () => {
    const { mountPoint: _mountPoint, ...holder } = HOLDER;
    expect(finishing({ ...holder, mounts: [] })).toBe(false);
    expect(finishing({ ...holder, isStarting: true })).toBe(true);
    expect(finishing({ ...holder, mounts: [], hasEnded: true })).toBe(true);
  });
});

describe("the holder in another mount namespace", () => {
  const elsewhere = { ...HOLDER, namespace: "mnt:[2]" };

  test("is finishing when it has no mount there", () => {
    expect(finishing(elsewhere, { namespace: "mnt:[2]", there: [MOUNT] })).toBe(false);
    expect(finishing(elsewhere, { namespace: "mnt:[2]", there: [] })).toBe(true);
  });

  test("counts as mounted where nobody can look, until it says otherwise", () => {
    for (const namespace of [undefined, "mnt:[1]", "mnt:[3]"]) {
      expect(finishing(elsewhere, { namespace, there: [] })).toBe(false);
      expect(finishing({ ...elsewhere, hasEnded: true }, { namespace, there: [] })).toBe(true);
    }
  });
});

test("a process sees its own mounts and namespace, and none of a process that isn't there", () => {
  expect(PROC.mountsOf("self")?.length).toBeGreaterThan(0);
  expect(PROC.namespaceOf("self")).toMatch(/^mnt:\[\d+\]$/);
  expect(PROC.mountsOf(2 ** 30)).toBeUndefined();
  expect(PROC.namespaceOf(2 ** 30)).toBeUndefined();
});
