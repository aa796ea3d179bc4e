import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { locate } from "../../src/cli/host-paths.js";
import type { HostMount } from "../../src/libc/host-mounts.js";
import { kindOf } from "../support/error-kind.js";
import { testDir } from "../support/temp-dir.js";

function mount(mountPoint: string, fields: Partial<HostMount> = {}): HostMount {
  return {
    ...{ id: 1, parentId: 0, device: "0:1", userId: 0, root: "/" },
    ...{ mountPoint, type: "fuse.nexus", source: "/data/1" },
    ...fields,
  };
}

const ROOT = mount("/", { type: "ext4", source: "/dev/vda" });
const NEXUS = mount("/home/ada/nexus");
const OTHER = mount("/mnt/other", { source: "/data/2" });

function paths(
  given: readonly string[],
  {
    cwd = "/home/ada",
    mounts = [ROOT, NEXUS, OTHER],
    dataDir,
  }: {
    cwd?: string;
    mounts?: readonly HostMount[];
    dataDir?: string;
  } = {},
): { paths: readonly string[]; source: string | undefined } {
  const { paths, mount } = locate(given, { cwd: () => cwd, mounts, dataDir });
  return { paths, source: mount?.source };
}

describe("a path that a command is given", () => {
  test.each([
    ["/home/ada/nexus/jobs/a", "/jobs/a"],
    ["/home/ada/nexus", "/"],
    ["/home/ada/nexus/jobs/../b", "/b"],
  ])("leads into a mount: %s is %s there", (host, path) => {
    expect(paths([host])).toStrictEqual({ paths: [path], source: "/data/1" });
  });

  test.each(["/jobs/a", "jobs/a", ".", "/home/ada/nexus2/a", "/home/ada/nexus/../a"])(
    "that leads into none is one of the namespace: %s",
    (path) => {
      expect(paths([path])).toStrictEqual({ paths: [path], source: undefined });
    },
  );

  test("begins at the working directory, when that is inside a mount", () => {
    const cwd = "/home/ada/nexus/jobs";
    expect(paths(["a", ".", "../b", "/c", "/home/ada/nexus/d"], { cwd })).toStrictEqual({
      paths: ["/jobs/a", "/jobs/.", "/jobs/../b", "/c", "/d"],
      source: "/data/1",
    });
  });

  test("inside a mount means its store, even when no path is given", () => {
    expect(paths([], { cwd: "/mnt/other/x" }).source).toBe("/data/2");
  });

  test("of another mount means that one's store", () => {
    const cwd = "/home/ada/nexus";
    expect(paths(["/mnt/other/a"], { cwd })).toStrictEqual({ paths: ["/a"], source: "/data/2" });
  });

  test("can't be of one store and another path of another", () => {
    expect(kindOf(() => paths(["/home/ada/nexus/a", "/mnt/other/a"]))).toBe("invalid-argument");
    const cwd = "/home/ada/nexus";
    expect(kindOf(() => paths(["a", "/mnt/other/a"], { cwd }))).toBe("invalid-argument");
  });

  test("may come through two mounts of one store", () => {
    const again = mount("/mnt/again");
    const mounts = [ROOT, NEXUS, again];
    expect(paths(["/home/ada/nexus/a", "/mnt/again/b"], { mounts }).paths).toStrictEqual([
      "/a",
      "/b",
    ]);
  });

  test("isn't in a mount of another store than the one that was asked for", () => {
    const dataDir = "../../data/2";
    expect(paths(["/home/ada/nexus/a"], { dataDir }).paths).toStrictEqual(["/home/ada/nexus/a"]);
    expect(paths(["/mnt/other/a"], { dataDir }).paths).toStrictEqual(["/a"]);
  });

  test("isn't in a mount that another one covers", () => {
    const cover = mount("/home/ada", { type: "tmpfs", source: "tmpfs" });
    const mounts = [ROOT, NEXUS, cover];
    expect(paths(["/home/ada/nexus/a"], { mounts }).paths).toStrictEqual(["/home/ada/nexus/a"]);
  });

  test("of a part that was bound elsewhere begins with that part", () => {
    const mounts = [ROOT, NEXUS, mount("/srv/jobs", { root: "/jobs" })];
    expect(paths(["/srv/jobs/a"], { mounts }).paths).toStrictEqual(["/jobs/a"]);
  });

  test("may lead there by symlinks, which are not followed any further", () => {
    const base = testDir();
    mkdirSync(join(base, "nexus"));
    symlinkSync("nexus", join(base, "link"));
    symlinkSync(join(base, "link"), join(base, "link-to-link"));
    // In the mount it would be one of the namespace.
    symlinkSync("/elsewhere", join(base, "nexus/inner"));
    symlinkSync("loop", join(base, "loop"));
    const mounts = [ROOT, mount(join(base, "nexus"))];
    const given = [join(base, "link-to-link/inner/a"), join(base, "link"), join(base, "loop/a")];
    expect(paths(given, { mounts }).paths).toStrictEqual(["/inner/a", "/", given[2]]);
  });
});
