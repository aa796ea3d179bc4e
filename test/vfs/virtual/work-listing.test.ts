import { beforeEach, describe, expect, test } from "vitest";
import type { Ino } from "../../../src/model/ids.js";
import { inoOfWorkLinkName } from "../../../src/vfs/virtual/work-link-name.js";
import { ANYBODY } from "../world.js";
import { VirtualWorld } from "./virtual-world.js";

const READY = "/.nexus/work/ready";

describe("a listing of work", () => {
  let world: VirtualWorld;

  beforeEach(() => {
    world = new VirtualWorld();
  });

  /** Items 100 and up, so many, in an order other than that of their numbers. */
  function fill(count: number): Ino[] {
    const inos = Array.from({ length: count }, (_, index) => (100 + index) as Ino);
    for (const ino of inos) {
      world.work.put({ ino, path: `/jobs/${ino}.json`, urgency: (ino * 7919) % 1000 });
    }
    return world.work
      .listWork({ state: "ready", zones: "all", limit: count })
      .map((record) => record.ino);
  }

  async function open(path = READY) {
    const ino = await world.ino(path);
    const opened = await world.fs.opendir(ANYBODY, { ino });
    return { ino, handle: opened?.handle ?? 0 };
  }

  test("has every item once, in the order of work, however many fit at a time", async () => {
    const inOrder = fill(1000);
    for (const atOnce of [1, 7, 128, 5000]) {
      const names = await world.names(READY, ANYBODY, atOnce);
      expect(names.map(inoOfWorkLinkName)).toEqual(inOrder);
      expect([...names].sort()).toEqual(names);
    }
  });

  test("has the items of its own state", async () => {
    world.work.put({ ino: 5 as Ino, path: "/a", state: "ready" });
    world.work.put({ ino: 6 as Ino, path: "/b", state: "in_progress" });
    expect((await world.names(READY)).map(inoOfWorkLinkName)).toEqual([5]);
    expect((await world.names("/.nexus/work/in_progress")).map(inoOfWorkLinkName)).toEqual([6]);
    expect(await world.names("/.nexus/work/failed")).toEqual([]);
  });

  test("of 100,000 items asks for them page by page", async () => {
    const inOrder = fill(100_000);
    const names = await world.names(READY, ANYBODY, 400);
    expect(names.map(inoOfWorkLinkName)).toEqual(inOrder);
    world.work.largestPage = 0;
    await world.page({ ...(await open()), cookie: 0, atOnce: 10 });
    expect(world.work.largestPage).toBeLessThanOrEqual(10);
    await world.page({ ...(await open()), cookie: 0, atOnce: 100_000 });
    expect(world.work.largestPage).toBeLessThanOrEqual(128);
  });

  test("neither repeats nor loses an item while others are claimed and new ones come", async () => {
    const inOrder = fill(3000);
    const listing = await open();
    const seen: (Ino | undefined)[] = [];
    let cookie = 2;
    let isMore = true;
    while (isMore) {
      const page = await world.page({ ...listing, cookie, atOnce: 200 });
      // As the kernel does: of an answer with 200 entries it takes 150, and asks again from there.
      const taken = page.slice(0, 150);
      seen.push(...taken.map(({ name }) => inoOfWorkLinkName(name)));
      cookie = taken.at(-1)?.cookie ?? cookie;
      isMore = taken.length > 0;
      // All that was seen is claimed, the one to go on from included.
      for (const { name } of taken) {
        const ino = inoOfWorkLinkName(name);
        if (ino !== undefined) world.work.put({ ino, path: `/jobs/${ino}`, state: "in_progress" });
      }
      world.work.put({ ino: (10_000 + seen.length) as Ino, path: "/new", urgency: -1 });
    }
    expect(seen).toEqual(inOrder);
  });

  test("goes on after an item that is gone altogether", async () => {
    const inOrder = fill(10);
    const listing = await open();
    const page = await world.page({ ...listing, cookie: 2, atOnce: 3 });
    for (const ino of inOrder.slice(0, 4)) world.work.remove(ino);
    const rest = await world.page({ ...listing, cookie: page[2]?.cookie ?? 0, atOnce: 100 });
    expect(rest.map(({ name }) => inoOfWorkLinkName(name))).toEqual(inOrder.slice(4));
  });

  test("goes on without a handle as long as the item is there, and fails when it isn't", async () => {
    const inOrder = fill(10);
    const { ino } = await open();
    const page = await world.page({ ino, cookie: 2, atOnce: 3 });
    const cookie = page[2]?.cookie ?? 0;
    const rest = await world.page({ ino, cookie, atOnce: 100 });
    expect(rest.map(({ name }) => inoOfWorkLinkName(name))).toEqual(inOrder.slice(3));
    world.work.remove(inOrder[2] as Ino);
    await expect(world.page({ ino, cookie, atOnce: 100 })).rejects.toMatchObject({ kind: "stale" });
  });

  test("forgets where it was long ago, so that what it holds is bounded", async () => {
    const inOrder = fill(40_000);
    const listing = await open();
    const page = await world.page({ ...listing, cookie: 2, atOnce: 40_000 });
    for (const ino of inOrder) world.work.put({ ino, path: "/x", state: "completed" });
    const at = (index: number) =>
      world.page({ ...listing, cookie: page[index]?.cookie ?? 0, atOnce: 1 });
    expect(await at(39_999)).toEqual([]);
    expect(await at(24_000)).toEqual([]);
    await expect(at(100)).rejects.toMatchObject({ kind: "stale" });
  });

  test("names what a look-up then finds, under the same number", async () => {
    fill(3);
    const entries = await world.page({ ...(await open()), cookie: 2, atOnce: 10 });
    for (const { name, ino, mode } of entries) {
      const found = await world.entry(`${READY}/${name}`);
      expect(found).toMatchObject({ ino, attributes: { ino, mode: mode | 0o777 } });
    }
  });

  test("tells no attributes, so that no look-up counts", async () => {
    fill(3);
    const seen: unknown[] = [];
    await world.fs.readdirPlus(ANYBODY, {
      ...(await open()),
      cookie: 0,
      limit: 10,
      emit: ({ attributes }) => seen.push(attributes) > 0,
    });
    expect(seen).toEqual([undefined, undefined, undefined, undefined, undefined]);
    expect(world.fs.held.lookedUp).toBe(0);
  });
});
