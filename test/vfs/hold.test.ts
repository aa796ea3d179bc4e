import { describe, expect, test } from "vitest";
import { bytesOfLength } from "../support/bytes.js";
import { kindOfLater } from "../support/error-kind.js";
import { World } from "./world.js";

/** Until what a sweep would remove is removed. */
async function passSweeps(world: World): Promise<void> {
  for (let sweep = 0; sweep < 3; sweep++) await world.pass(1100);
  // A sweep syncs first, and what is removed is removed in order.
  await world.metadata.sync();
  await world.settle();
  await world.contents.remove([]);
}

describe("a hold", () => {
  test("begins with everything sealed that was closed, small or large, and committed", async () => {
    const world = new World();
    await world.write("small", "text");
    await world.write("large", bytesOfLength(100_000));
    await world.nexus.hold().begin();
    expect(world.hash("small")).toBeDefined();
    expect(world.hash("large")).toBeDefined();
  });

  test("keeps a blob that nobody needs until it ends", async () => {
    const world = new World();
    await world.write("file", "text");
    const hold = world.nexus.hold();
    await hold.begin();
    const [hash] = world.blobs;
    await world.unlink("file");
    await passSweeps(world);
    expect(world.blobs).toStrictEqual([hash]);
    hold.end();
    await passSweeps(world);
    await world.until(() => world.blobs.length === 0);
  });

  test("keeps nothing once the last of several has ended, and ends once", async () => {
    const world = new World();
    await world.write("file", "text");
    const holds = [world.nexus.hold(), world.nexus.hold()];
    for (const hold of holds) await hold.begin();
    await world.unlink("file");
    holds[0]?.end();
    holds[0]?.end();
    await passSweeps(world);
    expect(world.blobs).toHaveLength(1);
    holds[1]?.end();
    await passSweeps(world);
    await world.until(() => world.blobs.length === 0);
  });

  test("has the bytes of a staged content that was sealed, or given up, since", async () => {
    const world = new World();
    const [one, two] = [await world.create("one", "first"), await world.create("two", "second")];
    const large = await world.create("large", bytesOfLength(70_000));
    const hold = world.nexus.hold();
    await hold.begin();
    const ids = world.metadata.stagedContents().map(({ stagingId }) => stagingId);
    one.close();
    await world.unlink("two");
    two.close();
    large.close();
    await passSweeps(world);
    const found = hold.stagedBytes(ids);
    expect(
      found.map((each) => (each.kind === "bytes" ? Buffer.from(each.bytes).toString() : each.kind)),
    ).toStrictEqual(["first", "second", "file"]);
    hold.letStagedGo();
    await passSweeps(world);
    await world.until(() => hold.stagedBytes(ids).every(({ kind }) => kind === "none"));
  });

  test("that is ended before it has begun keeps nothing", async () => {
    const world = new World();
    await world.write("file", "text");
    const hold = world.nexus.hold();
    const begun = kindOfLater(hold.begin());
    hold.end();
    expect(await begun).toBe("closed");
    await world.unlink("file");
    await passSweeps(world);
    await world.until(() => world.blobs.length === 0);
  });
});
