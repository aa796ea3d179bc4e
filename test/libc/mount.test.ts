import { expect, test } from "vitest";
import { mount, unmount } from "../../src/libc/mount.js";
import { kindOf, kindOfLater } from "../support/error-kind.js";
import { testDir } from "../support/temp-dir.js";

// Never mounts anything: the type, or the place, isn't there.
const MOUNT = { source: "none", type: "tmpfs", flags: 0, data: "" };
const isRoot = process.getuid?.() === 0;

test("unmounting where nothing is mounted says so, whatever else fails meanwhile", async () => {
  const target = testDir();
  for (let round = 0; round < 10; round++) {
    const result = kindOfLater(unmount(target, { lazy: round % 2 === 0 }));
    expect(kindOf(() => mount({ ...MOUNT, target: `${target}/absent` }))).toBe(
      isRoot ? "not-found" : "not-permitted",
    );
    expect(await result).toBe(isRoot ? "invalid-argument" : "not-permitted");
  }
});

test.skipIf(!isRoot)("unmounting what isn't there says so, with its path", async () => {
  const target = `${testDir()}/absent`;
  await expect(unmount(target, { lazy: false })).rejects.toMatchObject({
    kind: "not-found",
    path: target,
    op: "umount",
  });
});

test.skipIf(!isRoot)(
  "mounting a type that the kernel doesn't know is a failure of the host",
  () => {
    const target = testDir();
    const call = () => mount({ ...MOUNT, type: "nexus-no-such-type", target });
    expect(kindOf(call)).toBe("io-failure"); // ENODEV
  },
);
