import { expect, test } from "vitest";
import type { Ino } from "../../../src/model/ids.js";
import { ANYBODY } from "../world.js";
import { VirtualWorld } from "./virtual-world.js";

async function pages(world: VirtualWorld, path: string, limit: number): Promise<string[][]> {
  const ino = await world.ino(path);
  const all: string[][] = [];
  for (let after: string | undefined = ""; after !== undefined; ) {
    const page = await world.fs.listByName(ANYBODY, { ino, after, limit });
    all.push(page.entries.map(({ name }) => name));
    after = page.last;
  }
  return all;
}

test("a page by name looks at the items of that page, however many there are", async () => {
  const world = new VirtualWorld();
  for (let number = 1; number <= 1000; number++) {
    const urgency = number % 3 === 0 ? -number : number % 7;
    world.work.put({ ino: number as Ino, path: `/jobs/${number}`, urgency });
  }
  world.work.listed = 0;
  const found = (await pages(world, "/.nexus/work/ready", 100)).flat();
  expect(found).toHaveLength(1000);
  expect(found).toEqual([...new Set(found)].sort());
  expect(world.work.listed).toBeLessThan(1500);
});

test("a name that no item has is a place to go on from, too", async () => {
  const world = new VirtualWorld();
  world.work.put({ ino: 7 as Ino, path: "/jobs/7" });
  const ino = await world.ino("/.nexus/work/ready");
  const after = (name: string) => world.fs.listByName(ANYBODY, { ino, after: name, limit: 10 });
  expect((await after("0")).entries).toHaveLength(1);
  expect((await after("zzz")).entries).toHaveLength(0);
});

test("fixed directories are listed by name, in pages", async () => {
  const world = new VirtualWorld();
  expect(await pages(world, "/.nexus", 2)).toEqual([["stats", "version"], ["work"]]);
  const states = ["blocked", "completed", "failed", "in_progress", "pending", "ready"];
  expect((await pages(world, "/.nexus/work", 4)).flat()).toEqual(states);
});
