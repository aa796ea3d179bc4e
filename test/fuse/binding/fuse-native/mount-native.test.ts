import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { mountNative } from "../../../../src/fuse/binding/fuse-native/mount-native.js";
import {
  loadPackage,
  type NativePackage,
} from "../../../../src/fuse/binding/fuse-native/package.js";
import type { MountOptions } from "../../../../src/fuse/mount-options.js";
import { testDir } from "../../../support/temp-dir.js";

// Without a real mount: what goes wrong before one, and what the package is asked.

function options(changes: Partial<MountOptions> = {}): MountOptions {
  return {
    ...{ mountPoint: testDir(), source: "/data", allowOther: false },
    ...{ kernelOptions: new Set(["nosuid", "nodev"] as const), ...changes },
  };
}

/** A package whose mounts begin, or fail, like this; and what it was asked. */
function fakePackage(mount: (done: (error: Error | null) => void) => void) {
  const asked: { fsname: string }[] = [];
  const letGo: unknown[] = [];
  class Fuse {
    _handlers = [];
    mount = mount;
    constructor(_mountPoint: string, _callbacks: object, its: { fsname: string }) {
      asked.push(its);
    }
  }
  const load = () =>
    ({ Fuse, letGo: (fuse: unknown) => letGo.push(fuse) }) as unknown as NativePackage;
  return { asked, letGo, load };
}

const failing = () => fakePackage((done) => done(new Error("fuse failed")));

test("the package gets the mount's options, and those with which it keeps nothing", async () => {
  const { asked, load } = failing();
  const source = "/da,ta";
  await mountNative(options({ source, allowOther: true }), load).catch(() => undefined);
  await mountNative(options({ kernelOptions: new Set(["ro"] as const) }), load).catch(
    () => undefined,
  );
  const own = "big_writes,use_ino,attr_timeout=0,entry_timeout=0,negative_timeout=0";
  const isRoot = process.geteuid?.() === 0;
  expect(asked.map(({ fsname }) => fsname)).toEqual([
    `/da\\,ta,subtype=nexus,default_permissions,nosuid,nodev,rw,allow_other,${own}`,
    `/data,subtype=nexus,default_permissions,ro,${own}${isRoot ? ",suid,dev" : ""}`,
  ]);
});

describe("a mount that can't be made", () => {
  test("fails with what the package says, and the process isn't kept alive for it", async () => {
    const { letGo, load } = failing();
    const { mountPoint } = options();
    await expect(mountNative(options({ mountPoint }), load)).rejects.toMatchObject({
      kind: "io-failure",
      message: expect.stringContaining(`fuse-native can't mount ${mountPoint}: fuse failed (is`),
    });
    expect(letGo).toEqual([]);
  });

  test("fails when no device is its own", async () => {
    const { load } = fakePackage((done) => done(null));
    await expect(mountNative(options(), load)).rejects.toThrow("try again");
  });

  test("fails before anything is done where the package has no room for the paths", async () => {
    const { asked, load } = failing();
    for (const long of [
      { source: `/${"s".repeat(1000)}` },
      { mountPoint: `/${"m".repeat(1023)}` },
    ]) {
      await expect(mountNative(options(long), load)).rejects.toMatchObject({
        kind: "not-supported",
      });
    }
    expect(asked).toEqual([]);
  });

  test("says how to get the package where that isn't there", async () => {
    const nowhere = join(testDir(), "main.js");
    await expect(mountNative(options(), () => loadPackage(nowhere))).rejects.toMatchObject({
      kind: "not-supported",
      message: expect.stringMatching(
        /isn't installed: npm install fuse-native@2\.2\.6 .*--binding device/,
      ),
    });
  });

  test("says what is wrong with a package that can't be loaded", async () => {
    const place = join(testDir(), "node_modules/fuse-native");
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, "index.js"), "");
    await expect(mountNative(options(), () => loadPackage(join(place, "x.js")))).rejects.toThrow(
      /can't be loaded .*fuse-shared-library.*: npm rebuild fuse-native/s,
    );
  });
});
