import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { mountDevice, unmountDevice } from "../../../src/fuse/binding/device.js";
import * as libc from "../../../src/libc/mount.js";
import { NexusError } from "../../../src/model/errors.js";
import { testDir } from "../../support/temp-dir.js";

// Without a real mount: what goes wrong before one, and what fusermount3 is asked, by a script in its
// place.

vi.mock("../../../src/libc/mount.js", { spy: true });

const isRoot = process.getuid?.() === 0;

afterEach(() => {
  vi.restoreAllMocks();
  vi.resetAllMocks();
});

function options(mountPoint: string) {
  return { mountPoint, source: "/data", allowOther: false, kernelOptions: new Set<never>() };
}

function asOrdinaryUser(): void {
  vi.spyOn(process, "geteuid").mockReturnValue(1000);
  vi.mocked(libc.unmount).mockRejectedValue(new NexusError("not-permitted", "umount: EPERM"));
}

/** Puts this script in fusermount3's place. */
function helper(script: string | undefined): { directory: string } {
  const directory = testDir();
  if (script !== undefined) {
    const path = join(directory, "fusermount3");
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
  }
  const before = process.env.PATH;
  process.env.PATH = directory;
  onTestFinished(() => {
    process.env.PATH = before;
  });
  return { directory };
}

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

describe("mounting as an ordinary user", () => {
  test("tells what fusermount3 said when it gave no descriptor, and leaves none open", async () => {
    asOrdinaryUser();
    helper('echo "fusermount3: mountpoint is not empty" >&2; exit 1');
    const before = openDescriptors();
    await expect(mountDevice(options("/mnt"))).rejects.toMatchObject({
      kind: "io-failure",
      path: "/mnt",
      message: "fusermount3: mountpoint is not empty",
    });
    expect(openDescriptors()).toBe(before);
  });

  test("says something even if fusermount3 doesn't", async () => {
    asOrdinaryUser();
    helper("exit 0");
    await expect(mountDevice(options("/mnt"))).rejects.toThrow("sent no descriptor");
  });

  test("gives fusermount3 the options, the place, and a socket", async () => {
    asOrdinaryUser();
    helper('echo "$_FUSE_COMMFD $LC_ALL $*"; [ -S /dev/fd/3 ] && echo socket; exit 1');
    await expect(mountDevice(options("-strange"))).rejects.toThrow(
      "3 C -o fsname=/data,subtype=nexus,default_permissions,rw -- -strange\nsocket",
    );
  });

  test("without fusermount3 says which package is missing, and leaves nothing open", async () => {
    asOrdinaryUser();
    helper(undefined);
    const before = openDescriptors();
    await expect(mountDevice(options("/mnt"))).rejects.toMatchObject({
      kind: "not-supported",
      message: expect.stringContaining("fuse3"),
    });
    // Node closes the pipes of a child that didn't start a little later.
    await vi.waitFor(() => expect(openDescriptors()).toBe(before));
  });
});

describe("unmounting as an ordinary user", () => {
  test.each([
    ["fusermount3: failed to unmount /mnt: Device or resource busy", "busy"],
    ["fusermount3: entry for /mnt not found in /etc/mtab", "not-found"],
    ["fusermount3: something new", "io-failure"],
  ])("understands what fusermount3 says: %s", async (said, kind) => {
    asOrdinaryUser();
    helper(`echo "${said}" >&2; exit 1`);
    await expect(unmountDevice("/mnt", { lazy: false })).rejects.toMatchObject({
      kind,
      message: said,
      path: "/mnt",
    });
  });

  test.each([
    [false, "-u -- /mnt"],
    [true, "-u -z -- /mnt"],
  ])("asks fusermount3; lazily: %s", async (lazy, expected) => {
    asOrdinaryUser();
    const { directory } = helper('echo "$*" > "$PATH/asked"; exit 0');
    await unmountDevice("/mnt", { lazy });
    expect(readFileSync(join(directory, "asked"), "utf8").trim()).toBe(expected);
  });

  test("of one that nobody serves goes on where the connection can't be aborted", async () => {
    asOrdinaryUser();
    const { directory } = helper('echo "$*" > "$PATH/asked"; exit 0');
    const unserved = {
      ...{ id: 1, parentId: 2, device: "0:999999", root: "/", mountPoint: "/mnt", userId: 1000 },
      ...{ type: "fuse.nexus", source: "/data" },
    };
    await unmountDevice("/mnt", { lazy: true, unserved });
    expect(readFileSync(join(directory, "asked"), "utf8").trim()).toBe("-u -z -- /mnt");
    expect(libc.unmount).toHaveBeenLastCalledWith("/mnt", { lazy: true, unserved: true });
  });
});

test.each([
  ["invalid-argument", "not-found"],
  ["busy", "busy"],
  ["io-failure", "io-failure"],
] as const)("umount2(2)'s %s means %s", async (kind, expected) => {
  vi.mocked(libc.unmount).mockRejectedValue(new NexusError(kind, "umount"));
  await expect(unmountDevice("/mnt", { lazy: false })).rejects.toMatchObject({ kind: expected });
});

describe.skipIf(!isRoot || !existsSync("/dev/fuse"))("as root", () => {
  test("unmounting where nothing is mounted is told", async () => {
    await expect(unmountDevice(testDir(), { lazy: false })).rejects.toMatchObject({
      kind: "not-found",
      message: expect.stringContaining("nothing is mounted"),
    });
  });

  test("mounting where there is no directory fails, and leaves no device open", async () => {
    const mountPoint = join(testDir(), "absent");
    const before = openDescriptors();
    await expect(mountDevice(options(mountPoint))).rejects.toMatchObject({ kind: "not-found" });
    expect(openDescriptors()).toBe(before);
  });

  test("a container that doesn't let root mount says what it needs", async () => {
    vi.mocked(libc.mount).mockImplementation(() => {
      throw new NexusError("not-permitted", "mount: EPERM");
    });
    await expect(mountDevice(options("/mnt"))).rejects.toMatchObject({
      kind: "not-permitted",
      message: expect.stringContaining("CAP_SYS_ADMIN"),
    });
  });
});
