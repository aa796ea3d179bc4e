import { beforeEach, describe, expect, test } from "vitest";
import { S_IFLNK } from "../../../src/model/attributes.js";
import type { Ino } from "../../../src/model/ids.js";
import { workLinkName } from "../../../src/vfs/virtual/work-link-name.js";
import { ANYBODY } from "../world.js";
import { VirtualWorld } from "./virtual-world.js";

const ITEM = 77 as Ino;

describe("a work item's symlink", () => {
  let world: VirtualWorld;

  beforeEach(() => {
    world = new VirtualWorld();
  });

  const put = (path: string, state: "ready" | "in_progress" = "ready") =>
    `/.nexus/work/${state}/${workLinkName(world.work.put({ ino: ITEM, path, state }))}`;
  const gone = { kind: "not-found" };

  test("leads to the item from any mount point", async () => {
    expect(await world.target(put("/jobs/deep/a.json"))).toBe("../../../jobs/deep/a.json");
  });

  test("has the owner of the system, the item's times, and a size as symlinks have it", async () => {
    const { attributes } = (await world.entry(put("/jobs/ä.json"))) ?? {};
    expect(attributes).toMatchObject({
      mode: S_IFLNK | 0o777,
      uid: 41,
      gid: 42,
      nlink: 1,
      sizeBytes: Buffer.byteLength("../../../jobs/ä.json"),
      mtime: { sec: 1_700_000_060, nsec: 7 },
      btime: { sec: 1_700_000_000, nsec: 5 },
    });
  });

  test("is gone when the item leaves the state, also for who knows it", async () => {
    const path = put("/a");
    const ino = await world.ino(path);
    const now = put("/a", "in_progress");
    await expect(world.entry(path)).rejects.toMatchObject(gone);
    expect(() => world.fs.readlink(ANYBODY, { ino })).toThrow("ready");
    expect(() => world.fs.getattr(ANYBODY, { ino })).toThrow("ready");
    expect(await world.target(now)).toBe("../../../a");
  });

  test("is found by the name that it has now alone", async () => {
    const before = put("/a");
    world.work.put({ ino: ITEM, path: "/a", urgency: 5 });
    await expect(world.entry(before)).rejects.toMatchObject(gone);
    await expect(world.entry(`${put("/a")}x`)).rejects.toMatchObject(gone);
    await expect(world.entry("/.nexus/work/ready/a")).rejects.toMatchObject(gone);
  });

  test("has another number after a rename for as long as the old one is known", async () => {
    const before = await world.ino(put("/old/a"));
    const path = put("/new/a");
    const after = await world.ino(path);
    expect(after).not.toBe(before);
    expect(await world.ino(path)).toBe(after);
    expect(() => world.fs.readlink(ANYBODY, { ino: before })).toThrow("any more");
    const listed = await world.page({
      ino: await world.ino("/.nexus/work/ready"),
      cookie: 2,
      atOnce: 9,
    });
    expect(listed).toMatchObject([{ ino: after }]);

    world.fs.forget({ ino: after, count: 2 });
    world.fs.forget({ ino: before, count: 1 });
    expect(world.fs.held.lookedUp).toBe(0);
    expect(await world.ino(path)).toBe(before);
    expect(await world.target(path)).toBe("../../../new/a");
  });

  test("never changes its target while it is known, whatever is renamed and forgotten", async () => {
    const targets = new Map<Ino, { target: string; lookups: number }>();
    let seed = 1;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    for (let step = 0; step < 3000; step++) {
      const path = put(`/${random(5)}/a`);
      const ino = await world.ino(path);
      const target = await world.target(path);
      const known = targets.get(ino);
      expect(known?.target ?? target).toBe(target);
      targets.set(ino, { target, lookups: (known?.lookups ?? 0) + 2 });
      const [forgotten, held] = [...targets][random(targets.size)] ?? [];
      if (forgotten === undefined || held === undefined || random(3) > 0) continue;
      world.fs.forget({ ino: forgotten, count: held.lookups });
      targets.delete(forgotten);
    }
    expect(world.fs.held.lookedUp).toBe(targets.size);
    for (const [ino, { lookups }] of targets) world.fs.forget({ ino, count: lookups });
    expect(world.fs.held.lookedUp).toBe(0);
  });

  test("is forgotten only when all look-ups are", async () => {
    const path = put("/a");
    const ino = await world.ino(path);
    await world.ino(path);
    world.fs.forget({ ino, count: 1 });
    expect(world.fs.held.lookedUp).toBe(1);
    world.fs.forget({ ino, count: 1 });
    expect(world.fs.held.lookedUp).toBe(0);
    expect(() => world.fs.getattr(ANYBODY, { ino })).toThrow("not known");
  });
});
