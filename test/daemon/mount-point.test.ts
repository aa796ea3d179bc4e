import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  checkMountPoint,
  isAlive,
  makeMountPoint,
  requireOutsideMounts,
  resolveMountPoint,
  resolvePlace,
} from "../../src/daemon/mount-point.js";
import { parseMountInfo } from "../../src/libc/host-mounts.js";
import { kindOf, kindOfLater } from "../support/error-kind.js";
import { testDir } from "../support/temp-dir.js";

describe("the place of a mount", () => {
  test("is absolute and canonical, from the working directory on", () => {
    expect(resolveMountPoint("a//b/../c/", "/srv")).toBe("/srv/a/c");
    expect(resolveMountPoint("/a/./b", "/srv")).toBe("/a/b");
    expect(resolveMountPoint(".", "/srv")).toBe("/srv");
  });

  test("has no symlinks, wherever they are, as long as it is there or not", () => {
    const base = testDir();
    mkdirSync(join(base, "real/mnt"), { recursive: true });
    symlinkSync("real", join(base, "relative"));
    symlinkSync(join(base, "relative/mnt"), join(base, "absolute"));
    symlinkSync("../absolute", join(base, "real/back"));
    symlinkSync("nowhere", join(base, "dangling"));
    const cases = {
      "relative/mnt": "real/mnt",
      absolute: "real/mnt",
      "relative/back": "real/mnt",
      "relative/not/there": "real/not/there",
      "absolute/not/there": "real/mnt/not/there",
      dangling: "nowhere",
      "not/there": "not/there",
    };
    for (const [path, expected] of Object.entries(cases)) {
      expect(resolveMountPoint(path, base)).toBe(join(base, expected));
    }
  });

  test("is never /, nor behind a loop", () => {
    const base = testDir();
    symlinkSync("/", join(base, "root"));
    symlinkSync("loop", join(base, "loop"));
    expect(kindOf(() => resolveMountPoint("/"))).toBe("invalid-argument");
    expect(kindOf(() => resolveMountPoint("..", "/srv"))).toBe("invalid-argument");
    expect(kindOf(() => resolveMountPoint("root", base))).toBe("invalid-argument");
    expect(kindOf(() => resolveMountPoint("loop", base))).toBe("symlink-loop");
    expect(kindOf(() => resolveMountPoint("loop/below", base))).toBe("symlink-loop");
    expect(resolvePlace("root", base)).toBe("/");
  });
});

describe("a mount point of who names no store", () => {
  const mounts = parseMountInfo(
    [
      "25 1 8:1 / / rw - ext4 /dev/root rw",
      "40 25 0:40 / /home/ada/nexus rw - fuse.nexus /data rw",
      "41 40 0:41 / /home/ada/nexus/other rw - tmpfs tmpfs rw",
    ].join("\n"),
  );

  test.each(["/home/ada/nexus/x", "/home/ada/nexus/jobs/not/there"])(
    "isn't inside a mount of ours: %s",
    (mountPoint) => {
      expect(() => requireOutsideMounts(mountPoint, mounts)).toThrow(
        `${mountPoint} lies inside the Nexus mount at /home/ada/nexus; choose`,
      );
      expect(kindOf(() => requireOutsideMounts(mountPoint, mounts))).toBe("invalid-argument");
    },
  );

  test.each(["/home/ada/nexus", "/home/ada/nexus2/x", "/home/ada/nexus/other/x", "/mnt"])(
    "may be anywhere else: %s",
    (mountPoint) => {
      expect(kindOf(() => requireOutsideMounts(mountPoint, mounts))).toBeUndefined();
    },
  );
});

describe("preparing a mount point", () => {
  const prepare = async (
    base: string,
    {
      allowNonEmpty = false,
      ...files
    }: Partial<Record<"dataDir" | "dbPath" | "logFile", string>> & {
      allowNonEmpty?: boolean;
    } = {},
  ) => {
    const dataDir = files.dataDir ?? join(base, "data");
    const mountPoint = join(base, "mnt");
    const checked = await checkMountPoint({
      mountPoint,
      files: { dbPath: join(dataDir, "metadata.db"), logFile: undefined, ...files, dataDir },
      allowNonEmpty,
      isUnserved: () => false,
    });
    // Checking makes nothing: what fails between the two leaves no directory behind.
    const isThere = existsSync(mountPoint);
    return { ...checked, made: makeMountPoint(mountPoint), isThere };
  };

  test("makes it, and takes one that is there and empty", async () => {
    const base = testDir();
    const clearedStale = false;
    expect(await prepare(base)).toStrictEqual({ clearedStale, isThere: false, made: true });
    expect(await prepare(base)).toStrictEqual({ clearedStale, isThere: true, made: false });
    // The data directory isn't this one's affair.
    expect(readdirSync(base)).toStrictEqual(["mnt"]);
  });

  test("refuses one with files, unless that is wanted", async () => {
    const base = testDir();
    mkdirSync(join(base, "mnt/.hidden"), { recursive: true });
    expect(await kindOfLater(prepare(base))).toBe("directory-not-empty");
    expect(await kindOfLater(prepare(base, { allowNonEmpty: true }))).toBeUndefined();
  });

  test("refuses a file, and a place below one", async () => {
    const base = testDir();
    writeFileSync(join(base, "mnt"), "");
    expect(await kindOfLater(prepare(base))).toBe("not-a-directory");
    expect(await kindOfLater(prepare(base, { allowNonEmpty: true }))).toBe("not-a-directory");
    expect(await kindOfLater(prepare(join(base, "mnt")))).toBe("not-a-directory");
  });

  test.each([
    { dataDir: "mnt" },
    { dataDir: "mnt/data" },
    { dataDir: "link/data" },
    { dataDir: "." },
    { dbPath: "mnt/metadata.db" },
    { logFile: "link/log" },
  ])("refuses to hide the daemon's own files, or to lie among them: %j", async (files) => {
    const base = testDir();
    symlinkSync("mnt", join(base, "link"));
    const absolute = Object.fromEntries(
      Object.entries(files).map(([key, path]) => [key, join(base, path)]),
    );
    expect(await kindOfLater(prepare(base, absolute))).toBe("invalid-argument");
    expect(readdirSync(base)).toStrictEqual(["link"]);
  });

  test.each([{ dataDir: "mnt-data" }, { dataDir: "mn" }, { logFile: "mnt.log" }])(
    "has nothing against a name that only begins the same: %j",
    async (files) => {
      const base = testDir();
      const absolute = Object.fromEntries(
        Object.entries(files).map(([key, path]) => [key, join(base, path)]),
      );
      expect(await kindOfLater(prepare(base, absolute))).toBeUndefined();
    },
  );
});

test("an ordinary directory is alive, and so is one that isn't there", () => {
  const base = testDir();
  expect(isAlive(base)).toBe(true);
  expect(isAlive(join(base, "absent"))).toBe(true);
});
