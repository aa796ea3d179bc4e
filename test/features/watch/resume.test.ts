import { describe, expect, test } from "vitest";
import type { WatchEvent } from "../../../src/features/watch/watch.js";
import { World } from "../../vfs/world.js";
import { featuresOf, inWords, Observer, observe } from "./watch-world.js";

// Whoever comes back with a cursor misses nothing and hears nothing twice.

async function taken(world: World, { cursor, count }: { cursor: string; count: number }) {
  const events: WatchEvent[] = [];
  for await (const event of featuresOf(world).watching.watch({ cursor })) {
    if (events.push(event) === count) break;
  }
  return events;
}

/** A world in which something happened since the cursor. */
async function busy() {
  const world = new World();
  const { files, watching } = featuresOf(world);
  await files.write("/before", "");
  const cursor = await watching.watchCursor();
  for (const name of ["a", "b", "c"]) await files.write(`/${name}`, "");
  return { world, cursor, files, expected: ["created /a", "created /b", "created /c"] };
}

describe("a cursor", () => {
  test("from before a listing has all that came after it", async () => {
    const { world, cursor, expected } = await busy();
    expect((await taken(world, { cursor, count: 3 })).map(inWords)).toStrictEqual(expected);
  });

  test("of any event goes on right after it", async () => {
    const { world, cursor, expected } = await busy();
    const events = await taken(world, { cursor, count: 3 });
    for (const [index, event] of events.entries()) {
      const observer = await observe(featuresOf(world), { cursor: event.cursor });
      expect(await observer.told()).toStrictEqual(expected.slice(index + 1));
      await observer.leave();
    }
  });

  test("is good after a restart", async () => {
    const { world, cursor, expected } = await busy();
    await world.close();
    const next = new World({ dataDir: world.dataDir, clock: world.clock });
    await featuresOf(next).files.write("/d", "");
    const observer = await observe(featuresOf(next), { cursor });
    expect(await observer.told()).toStrictEqual([...expected, "created /d"]);
  });

  test("is good after a kill, and what an open file was given is told then", async () => {
    const { world, cursor, expected } = await busy();
    const file = await world.create("open");
    await file.write("written, and not recorded yet");
    const next = world.killed();
    const observer = await observe(featuresOf(next), { cursor });
    expect(await observer.told()).toStrictEqual([...expected, "created /open", "modified /open"]);
  });

  test("finds that the path has gone", async () => {
    const world = new World();
    const { files, watching } = featuresOf(world);
    await files.write("/dir/a", "");
    const cursor = await watching.watchCursor();
    await files.rmdir("/dir", { recursive: true });
    const observer = await observe(featuresOf(world), { path: "/dir", cursor });
    expect(await observer.told()).toStrictEqual(["removed /dir/a", "removed /dir"]);
  });

  test("of long ago is refused, with what to do", async () => {
    const { world, cursor, files } = await busy();
    world.clock.advance(3_600_000);
    await files.write("/late", "");
    const observer = new Observer(featuresOf(world), { cursor });
    const error = await observer.ended();
    expect(error).toMatchObject({ kind: "stale" });
    expect(String(error)).toContain("start over with a listing");
  });

  test("of another store is refused", async () => {
    const [{ cursor }, other] = [await busy(), await busy()];
    const observer = new Observer(featuresOf(other.world), { cursor });
    expect(await observer.ended()).toMatchObject({ kind: "stale" });
  });
});

test("a consumer that is slow has all of it, in order, from the store", async () => {
  const world = new World();
  const { files, watching } = featuresOf(world);
  const events = watching.watch()[Symbol.asyncIterator]();
  const first = events.next();
  await new Promise(setImmediate);
  const names = Array.from({ length: 700 }, (_, index) => `/file${index}`);
  for (const name of names) await files.write(name, "");
  const told = [(await first).value?.path];
  while (told.length < names.length) told.push((await events.next()).value?.path);
  expect(told).toStrictEqual(names);
});

test("many changes of others are looked through in pieces", async () => {
  const world = new World();
  const { files, watching } = featuresOf(world);
  await files.mkdir("/mine");
  const cursor = await watching.watchCursor();
  for (let index = 0; index < 600; index += 1) await files.write(`/others/${index}`, "");
  await files.write("/mine/a", "");
  const observer = await observe(featuresOf(world), { path: "/mine", cursor });
  expect(await observer.told()).toStrictEqual([]);
  world.clock.advance(1);
  await observer.events();
  world.clock.advance(1);
  expect(await observer.told()).toStrictEqual(["created /mine/a"]);
});
