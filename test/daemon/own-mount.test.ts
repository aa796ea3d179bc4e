import { describe, expect, test } from "vitest";
import { findOwnMount, whereaboutsOf } from "../../src/daemon/own-mount.js";
import type { HostMount } from "../../src/libc/host-mounts.js";

const MNT = "/home/me/nexus";

function mount(id: number, fields: Partial<HostMount> = {}): HostMount {
  return {
    id,
    parentId: 1,
    device: `0:${id}`,
    root: "/",
    mountPoint: MNT,
    type: "fuse.nexus",
    source: "/data/1",
    userId: 0,
    ...fields,
  };
}

const ROOT = mount(1, { mountPoint: "/", type: "ext4", source: "/dev/vda" });
const OWN = mount(50);

describe("a mount just made", () => {
  test("is found by place, type and source, and the last of several is it", () => {
    const older = mount(40);
    const others = [mount(60, { source: "/data/2" }), mount(70, { type: "tmpfs" })];
    const place = { mountPoint: MNT, source: "/data/1" };
    expect(findOwnMount(place, [ROOT, older, OWN, ...others])).toBe(OWN);
    expect(findOwnMount(place, [ROOT, ...others])).toBeUndefined();
  });
});

describe("a mount is found again", () => {
  test("where it was made, and where it was moved to", () => {
    const path = { state: "reachable", path: MNT };
    expect(whereaboutsOf(OWN, [ROOT, OWN])).toStrictEqual(path);
    const moved = { ...OWN, mountPoint: "/elsewhere" };
    expect(whereaboutsOf(OWN, [ROOT, moved, mount(60, { source: "/data/2" })])).toStrictEqual({
      state: "reachable",
      path: "/elsewhere",
    });
  });

  test.each([
    ["nothing is there", []],
    ["another one is at its place", [mount(60, { source: "/data/2" })]],
    ["another one has its numbers", [mount(50, { source: "/data/2" })]],
    ["another one has its number and its source", [mount(50, { device: "0:99" })]],
    ["it is bound elsewhere", [mount(60, { device: OWN.device, mountPoint: "/bound" })]],
  ])("nowhere when %s", (_, mounts) => {
    expect(whereaboutsOf(OWN, [ROOT, ...mounts])).toStrictEqual({ state: "gone" });
  });

  test.each<readonly [string, readonly HostMount[]]>([
    ["another daemon's", [OWN, mount(60, { parentId: 50, source: "/data/2" })]],
    ["a tmpfs", [OWN, mount(60, { parentId: 50, type: "tmpfs", source: "tmpfs" })]],
    ["one that was moved onto it", [mount(40, { parentId: 50, source: "/data/2" }), OWN]],
    ["one in a directory that hides its own", [OWN, mount(60, { parentId: 55 })]],
    ["one over a directory above", [OWN, mount(60, { mountPoint: "/home", type: "tmpfs" })]],
  ])("below others when %s is on top", (_, mounts) => {
    expect(whereaboutsOf(OWN, [ROOT, ...mounts])).toStrictEqual({ state: "covered" });
  });

  test("on top, with mounts inside it", () => {
    const inside = mount(60, { parentId: 50, mountPoint: `${MNT}/inside` });
    expect(whereaboutsOf(OWN, [ROOT, OWN, inside])).toMatchObject({ state: "reachable" });
  });
});
