import { describe, expect, test } from "vitest";
import { brokenInvariants } from "../storage/metadata/invariants.js";
import { bytesOfLength } from "../support/bytes.js";
import { kindOfLater } from "../support/error-kind.js";
import { ANYBODY, type OpenFile, World } from "./world.js";

async function copy(
  world: World,
  { from, to, length = 1 << 30 }: { from: OpenFile; to: OpenFile; length?: number },
): Promise<number> {
  const request = { handle: from.handle, offset: 0, toHandle: to.handle, toOffset: 0, length };
  return await world.fs.copyFileRange(ANYBODY, request);
}

describe("equal contents", () => {
  test("are one blob, which counts its files", async () => {
    const world = new World();
    const bytes = bytesOfLength(100_000);
    const inos = [];
    for (const name of ["a", "b", "c"]) inos.push(await world.write(name, bytes));
    await world.write("other", "else");
    await world.sealed("a", "b", "c", "other");
    expect(world.blobs).toHaveLength(2);
    expect(new Set(["a", "b", "c"].map((name) => world.hash(name))).size).toBe(1);
    for (const name of ["a", "b", "c"]) {
      expect(await world.attribute(world.lookup(name), "ref_count")).toBe("3");
    }
    await world.close();
    expect(brokenInvariants(world.dataDir)).toStrictEqual({});
  });

  test("are counted exactly at any moment: what waits to be sealed is sealed first", async () => {
    const world = new World();
    await world.write("a", "same");
    await world.write("b", "same");
    expect(await world.attribute(world.lookup("a"), "ref_count")).toBe("2");
    const writer = await world.open("b");
    await writer.write("other");
    expect(await world.attribute(world.lookup("a"), "ref_count")).toBe("2");
    writer.close();
    expect(await world.attribute(world.lookup("a"), "ref_count")).toBe("1");
    await world.unlink("b");
    expect(await world.attribute(world.lookup("a"), "ref_count")).toBe("1");
  });

  test("are sealed in batches when somebody asks, not one by one", async () => {
    let seals = 0;
    const world = new World({
      wrapContents: (store) => {
        const seal = store.seal.bind(store);
        return Object.assign(store, {
          seal: (requests: Parameters<typeof seal>[0]) => {
            seals += 1;
            return seal(requests);
          },
        });
      },
    });
    for (let index = 0; index < 100; index++) await world.write(`file ${index}`, `text ${index}`);
    expect(await world.attribute(world.lookup("file 5"), "ref_count")).toBe("1");
    expect(seals).toBe(1);
  });

  test("go their own ways when one is changed", async () => {
    const world = new World();
    await world.write("a", "same");
    await world.write("b", "same");
    await world.sealed("a", "b");
    const file = await world.open("b");
    await file.write("S");
    file.close();
    expect(await world.read("a")).toBe("same");
    expect(await world.read("b")).toBe("Same");
  });
});

describe("copying a whole file onto an empty one", () => {
  test("takes no bytes: both have the same content at once", async () => {
    const world = new World();
    await world.write("from", bytesOfLength(1_000_000));
    await world.sealed("from");
    await world.swept();
    const from = await world.open("from", { access: "read" });
    const to = await world.create("to");
    expect(await copy(world, { from, to })).toBe(1_000_000);
    expect(world.hash("to")).toBe(world.hash("from"));
    expect(world.contents.stagingIds()).toHaveLength(0);
    expect(await world.attribute(from.ino, "ref_count")).toBe("2");
    expect((await to.read()).length).toBe((await from.read()).length);
    to.close();
    from.close();
    await world.pass(5000);
    expect(world.hash("to")).toBe(world.hash("from"));
    expect(world.trouble).toStrictEqual([]);
  });

  test("seals the source first when nobody writes to it", async () => {
    const world = new World();
    await world.write("from", "text");
    const from = await world.open("from", { access: "read" });
    const to = await world.create("to");
    expect(await copy(world, { from, to })).toBe(4);
    expect(world.hash("to")).toBeDefined();
    expect(world.hash("to")).toBe(world.hash("from"));
  });

  test("copies bytes when somebody writes to the source, or only a part is wanted", async () => {
    const world = new World();
    const from = await world.create("from", "text");
    for (const [name, length, expected] of [
      ["all", 100, "text"],
      ["part", 2, "te"],
    ] as const) {
      const to = await world.create(name);
      expect(await copy(world, { from, to, length })).toBe(expected.length);
      expect(await to.read()).toBe(expected);
      expect(world.hash(name)).toBeUndefined();
    }
  });

  test.each([
    ["more than was asked for", 4, "text"],
    ["all of it", 1 << 30, "text and more"],
  ])("copies no more than was asked for, although the source grew: %s", async (_, length, text) => {
    const world = new World();
    await world.write("from", "text");
    const busy = await world.write("busy", bytesOfLength(100_000));
    world.lookup("busy");
    const to = await world.create("to");
    const from = await world.open("from", { access: "read" });
    // The source waits for its turn to be sealed, and is written to meanwhile.
    const before = world.attribute(busy, "etag");
    const copying = copy(world, { from, to, length });
    const writer = await world.open("from", { access: "write" });
    await writer.write(" and more", "end");
    writer.close();
    await before;
    expect(await copying).toBe(text.length);
    expect(await to.read()).toBe(text);
    expect(world.hash("from")).toBeDefined();
  });

  test.each([
    ["by reference", 1 << 30],
    ["of bytes", 2],
  ])("moves the access time of the source, but with O_NOATIME: %s", async (_, length) => {
    const world = new World();
    await world.write("from", "text");
    await world.sealed("from");
    const atime = async () => (await world.fs.getattr(ANYBODY, { ino: from.ino })).atime;
    const from = await world.open("from", { access: "read", noAtime: true });
    const before = await atime();
    await world.pass(5000);
    await copy(world, { from, to: await world.create("one"), length });
    expect(await atime()).toStrictEqual(before);
    const other = await world.open("from", { access: "read" });
    await copy(world, { from: other, to: await world.create("other"), length });
    expect(await atime()).toStrictEqual(world.clock.now());
  });

  test("moves the times of the copy and leaves the source alone", async () => {
    const world = new World();
    await world.write("from", "text");
    await world.sealed("from");
    const from = await world.open("from", { access: "read", noAtime: true });
    const to = await world.create("to");
    const before = await world.fs.getattr(ANYBODY, { ino: from.ino });
    await world.pass(5000);
    await copy(world, { from, to });
    const copied = await world.fs.getattr(ANYBODY, { ino: to.ino });
    expect(copied).toMatchObject({
      sizeBytes: 4,
      mtime: world.clock.now(),
      ctime: world.clock.now(),
    });
    const after = await world.fs.getattr(ANYBODY, { ino: from.ino });
    expect(after).toMatchObject({ mtime: before.mtime, ctime: before.ctime });
  });

  test("gives a file that can be written like any other", async () => {
    const world = new World();
    await world.write("from", "text");
    await world.sealed("from");
    const from = await world.open("from", { access: "read" });
    const to = await world.create("to");
    await copy(world, { from, to });
    await to.write("T");
    expect(await to.read()).toBe("Text");
    expect(await from.read()).toBe("text");
    to.close();
    await world.pass(1100);
    await world.until(() => world.hash("to") !== world.hash("from"));
    expect(await world.attribute(from.ino, "ref_count")).toBe("1");
  });

  test("is refused to a handle that may not write, or not read", async () => {
    const world = new World();
    await world.write("from", "text");
    const reader = await world.open("from", { access: "read" });
    const writer = await world.open("from", { access: "write" });
    const to = await world.create("to");
    expect(await kindOfLater(copy(world, { from: to, to: reader }))).toBe("bad-handle");
    expect(await kindOfLater(copy(world, { from: writer, to }))).toBe("bad-handle");
  });
});
