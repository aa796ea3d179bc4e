import { describe, expect, test } from "vitest";
import { mountAbove, parseMountInfo, readHostMounts } from "../../src/libc/host-mounts.js";

const ROOT = "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw";

function parseOne(line: string) {
  return parseMountInfo(`${line}\n`)[0];
}

describe("mountinfo", () => {
  test("gives the mount point, the type and the source of each mount, in order", () => {
    const nexus =
      "90 22 0:48 / /home/me/nexus rw,nosuid,nodev,relatime - fuse.nexus /home/me/.nexus/data rw,user_id=0";
    expect(parseMountInfo(`${ROOT}\n${nexus}\n`)).toStrictEqual([
      {
        ...{ id: 22, parentId: 1, device: "254:0", userId: undefined },
        ...{ root: "/", mountPoint: "/", type: "ext4", source: "/dev/vda" },
      },
      {
        ...{ id: 90, parentId: 22, device: "0:48", userId: 0 },
        ...{
          root: "/",
          mountPoint: "/home/me/nexus",
          type: "fuse.nexus",
          source: "/home/me/.nexus/data",
        },
      },
    ]);
  });

  test.each([
    ["none", "90 22 0:48 / /mnt rw - fuse.nexus data rw"],
    ["one", "90 22 0:48 / /mnt rw shared:7 - fuse.nexus data rw"],
    ["several", "90 22 0:48 / /mnt rw shared:7 master:3 unbindable - fuse.nexus data rw"],
  ])("may have optional fields: %s", (_, line) => {
    expect(parseOne(line)).toStrictEqual({
      ...{ id: 90, parentId: 22, device: "0:48", userId: undefined },
      root: "/",
      mountPoint: "/mnt",
      type: "fuse.nexus",
      source: "data",
    });
  });

  test("escapes spaces, tabs, newlines and backslashes", () => {
    const line = String.raw`90 22 0:48 / /a\040b\011c\012d\134040e rw - fuse.nexus /da\040ta rw`;
    expect(parseOne(line)).toMatchObject({
      mountPoint: "/a b\tc\nd\\040e",
      source: "/da ta",
    });
  });

  test("a dash as a mount point, a root or a source is not the separator", () => {
    expect(parseOne("90 22 0:48 - - rw - tmpfs - rw")).toStrictEqual({
      ...{ id: 90, parentId: 22, device: "0:48", userId: undefined },
      root: "-",
      mountPoint: "-",
      type: "tmpfs",
      source: "-",
    });
  });

  test("of this process has the root", () => {
    expect(readHostMounts().map(({ mountPoint }) => mountPoint)).toContain("/");
  });

  test("of nothing is nothing", () => {
    expect(parseMountInfo("")).toStrictEqual([]);
  });
});

describe("the mount that a path leads into", () => {
  const lines = [
    "22 1 254:0 / / rw - ext4 /dev/vda rw",
    "90 22 0:48 / /mnt/nexus rw - fuse.nexus /data rw",
    "91 22 0:48 /jobs /jobs rw - fuse.nexus /data rw",
  ];
  const mounts = parseMountInfo(lines.join("\n"));

  test.each([
    ["/mnt/nexus", 90],
    ["/mnt/nexus/jobs/a", 90],
    ["/mnt/nexus2", 22],
    ["/mnt", 22],
    ["/jobs/a", 91],
    ["/", 22],
  ])("%s is the one at or above it", (path, id) => {
    expect(mountAbove(path, mounts)?.id).toBe(id);
  });

  test("is the later one, also where that is further up and covers the other", () => {
    const cover = parseMountInfo("95 22 0:50 / /mnt rw - tmpfs tmpfs rw");
    expect(mountAbove("/mnt/nexus/a", [...mounts, ...cover])?.id).toBe(95);
  });

  test("knows which part of a file system was bound there", () => {
    expect(mounts.map(({ root }) => root)).toStrictEqual(["/", "/", "/jobs"]);
  });
});
