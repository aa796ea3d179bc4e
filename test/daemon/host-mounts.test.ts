import { describe, expect, test } from "vitest";
import { parseMountInfo, readHostMounts } from "../../src/daemon/host-mounts.js";

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
        ...{ mountPoint: "/", type: "ext4", source: "/dev/vda" },
      },
      {
        ...{ id: 90, parentId: 22, device: "0:48", userId: 0 },
        ...{ mountPoint: "/home/me/nexus", type: "fuse.nexus", source: "/home/me/.nexus/data" },
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
