import { describe, expect, test } from "vitest";
import {
  fusermountOptions,
  type KernelOption,
  type MountOptions,
  mountData,
  mountFlags,
} from "../../src/fuse/mount-options.js";

function options(changed: Partial<MountOptions> = {}): MountOptions {
  return {
    mountPoint: "/mnt",
    source: "/srv/nexus",
    allowOther: false,
    kernelOptions: new Set(),
    ...changed,
  };
}

function withKernelOptions(...names: KernelOption[]): MountOptions {
  return options({ kernelOptions: new Set(names) });
}

describe("the flags of mount(2)", () => {
  // linux/mount.h
  test.each([
    ["ro", 1 << 0],
    ["nosuid", 1 << 1],
    ["nodev", 1 << 2],
    ["noexec", 1 << 3],
    ["sync", 1 << 4],
    ["dirsync", 1 << 7],
    ["noatime", 1 << 10],
    ["nodiratime", 1 << 11],
    ["relatime", 1 << 21],
    ["strictatime", 1 << 24],
    ["lazytime", 1 << 25],
  ] as const)("have %s where the kernel has it", (name, flag) => {
    expect(mountFlags(withKernelOptions(name))).toBe(flag);
  });

  test("are all that were asked for, and none by default", () => {
    expect(mountFlags(options())).toBe(0);
    expect(mountFlags(withKernelOptions("ro", "nosuid", "nodev"))).toBe(7);
  });
});

describe("the data of mount(2)", () => {
  const owner = { fd: 7, uid: 1000, gid: 100 };

  test("names the device, the owner, a directory as the root, and lets the kernel check modes", () => {
    expect(mountData(options(), owner).split(",")).toEqual([
      "fd=7",
      "rootmode=40000",
      "user_id=1000",
      "group_id=100",
      "default_permissions",
    ]);
  });

  test("lets others in only when asked to", () => {
    expect(mountData(options(), owner)).not.toContain("allow_other");
    expect(mountData(options({ allowOther: true }), owner).split(",")).toContain("allow_other");
  });
});

describe("the options of fusermount3", () => {
  /** As fusermount3 takes them apart: a backslash keeps a comma. */
  const split = (list: string) => list.split(/(?<!(?<!\\)(?:\\\\)*\\),/);

  test("name the source and the type, and let the kernel check modes", () => {
    expect(split(fusermountOptions(options()))).toEqual([
      "fsname=/srv/nexus",
      "subtype=nexus",
      "default_permissions",
      "rw",
    ]);
  });

  test("never say both ro and rw", () => {
    const list = split(fusermountOptions(withKernelOptions("ro")));
    expect(list).toContain("ro");
    expect(list).not.toContain("rw");
  });

  test("leave out those that would make it fail, and that a FUSE mount doesn't need", () => {
    const refused = ["relatime", "strictatime", "nodiratime", "lazytime"] as const;
    const taken = ["nosuid", "nodev", "noexec", "sync", "dirsync", "noatime"] as const;
    const list = split(fusermountOptions(withKernelOptions(...refused, ...taken)));
    expect(list.filter((option) => refused.some((name) => name === option))).toEqual([]);
    expect(list).toEqual(expect.arrayContaining([...taken]));
  });

  test("let others in only when asked to", () => {
    expect(split(fusermountOptions(options({ allowOther: true })))).toContain("allow_other");
    expect(split(fusermountOptions(options()))).not.toContain("allow_other");
  });

  test.each(["/a,allow_other", "/a\\", "/a\\,suid", "/,", "\\\\,"])(
    "keep a source in one piece that could be taken for options: %s",
    (source) => {
      const [fsname, ...rest] = split(fusermountOptions(options({ source })));
      expect(fsname?.replace(/\\(.)/g, "$1")).toBe(`fsname=${source}`);
      expect(rest).toEqual(["subtype=nexus", "default_permissions", "rw"]);
    },
  );
});
