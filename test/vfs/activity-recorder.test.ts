import { describe, expect, test } from "vitest";
import type { Ino } from "../../src/model/ids.js";
import type { MetadataStore } from "../../src/storage/metadata/metadata-store.js";
import { bytesOfLength } from "../support/bytes.js";
import { kindOf } from "../support/error-kind.js";
import { ANYBODY, World } from "./world.js";

/** Counts the transactions that rows cost; they fail as long as `fails` says so. */
function counting(fails: () => boolean = () => false) {
  const counted = { calls: 0 };
  const wrapMetadata = (store: MetadataStore) => {
    const { recordActivity } = store;
    return Object.assign(store, {
      recordActivity: (...args: Parameters<typeof recordActivity>) => {
        counted.calls += 1;
        if (fails()) throw new Error("not now");
        recordActivity.apply(store, args);
      },
    });
  };
  return { counted, wrapMetadata };
}

describe("what happens to open files", () => {
  test("is told at once to whoever asks, and is in the row 20 ms later", async () => {
    const world = new World();
    const file = await world.create("file");
    await world.pass(1000);
    await file.write(bytesOfLength(5000));
    const now = world.clock.now();
    const attributes = await world.fs.getattr(ANYBODY, { ino: file.ino });
    expect(attributes).toMatchObject({ sizeBytes: 5000, blocks: 16, mtime: now, ctime: now });
    expect(world.metadata.getattr(file.ino)).toMatchObject({ sizeBytes: 0 });
    await world.pass(20);
    const row = { sizeBytes: 5000, blocks: 16, mtime: now, ctime: now };
    expect(world.metadata.getattr(file.ino)).toMatchObject(row);
  });

  test("is one transaction for all of them, however much they wrote", async () => {
    const { counted, wrapMetadata } = counting();
    const world = new World({ wrapMetadata });
    const files = [];
    for (const name of ["a", "b", "c"]) files.push(await world.create(name));
    for (let round = 0; round < 50; round++) {
      for (const file of files) await file.write("x", round);
    }
    await world.pass(20);
    expect(counted.calls).toBe(1);
    for (const { ino } of files) expect(world.metadata.getattr(ino)?.sizeBytes).toBe(50);
    await world.pass(10_000);
    expect(counted.calls).toBe(1);
  });

  test("is in the row when the last user lets go", async () => {
    const world = new World();
    const ino = await world.write("file", "text");
    expect(world.metadata.getattr(ino)?.sizeBytes).toBe(4);
  });

  describe("of which the last user lets go while nothing can be recorded", () => {
    /** A file that somebody wrote to, closed and forgot, on a disk that is stuck. */
    async function letGo() {
      let isStuck = false;
      const world = new World({ wrapMetadata: counting(() => isStuck).wrapMetadata });
      const ino = await world.write("file", "text");
      await world.pass(1000);
      const file = await world.open("file");
      await file.write("TEXT!");
      const now = world.clock.now();
      isStuck = true;
      file.close();
      const unstick = () => {
        isStuck = false;
      };
      return { world, ino, now, unstick };
    }

    const isKnown = (world: World, ino: Ino) =>
      kindOf(() => world.fs.getattr(ANYBODY, { ino })) === undefined;

    test("is still told to whoever comes next", async () => {
      const { world, ino, now, unstick } = await letGo();
      await world.pass(100);
      expect(world.lookup("file")).toBe(ino);
      const attributes = await world.fs.getattr(ANYBODY, { ino });
      expect(attributes).toMatchObject({ sizeBytes: 5, mtime: now, ctime: now });
      unstick();
    });

    test("is in the row when that can be, and then the file is forgotten", async () => {
      const { world, ino, now, unstick } = await letGo();
      await world.pass(100);
      expect(world.metadata.getattr(ino)).toMatchObject({ sizeBytes: 4 });
      unstick();
      await world.pass(1000);
      expect(world.metadata.getattr(ino)).toMatchObject({ sizeBytes: 5, mtime: now });
      expect(isKnown(world, ino)).toBe(false);
    });

    test("stays known to who came meanwhile", async () => {
      const { world, ino, unstick } = await letGo();
      world.lookup("file");
      unstick();
      await world.pass(1000);
      expect(isKnown(world, ino)).toBe(true);
      world.forget(ino);
      expect(isKnown(world, ino)).toBe(false);
    });

    test("goes with the file, if that is removed meanwhile", async () => {
      const { world, ino, unstick } = await letGo();
      await world.unlink("file");
      unstick();
      await world.pass(2000);
      expect(isKnown(world, ino)).toBe(false);
      expect(world.metadata.getattr(ino)).toBeUndefined();
    });
  });

  test("is in the row before an attribute is set, so that nothing overtakes it", async () => {
    const world = new World();
    const file = await world.create("file");
    await file.write("text");
    const mtime = { sec: 1000, nsec: 1 };
    await world.fs.setattr(ANYBODY, { ino: file.ino, mtime });
    await world.pass(20);
    expect(world.metadata.getattr(file.ino)).toMatchObject({ sizeBytes: 4, mtime });
  });

  test("stays noted when it can't be recorded, and is tried again", async () => {
    let failures = 2;
    const { wrapMetadata } = counting(() => failures-- > 0);
    const world = new World({ wrapMetadata });
    const file = await world.create("file", "text");
    await world.pass(20);
    expect(world.metadata.getattr(file.ino)?.sizeBytes).toBe(0);
    expect((await world.fs.getattr(ANYBODY, { ino: file.ino })).sizeBytes).toBe(4);
    await world.pass(1000);
    await world.pass(1000);
    expect(world.metadata.getattr(file.ino)?.sizeBytes).toBe(4);
    expect(world.trouble).toHaveLength(2);
  });

  test("leaves no timer behind: an idle file system waits for nothing", async () => {
    const world = new World();
    const file = await world.create("file", "text");
    await world.pass(20);
    file.close();
    await world.sealed("file");
    await world.swept();
    await world.pass(10_000);
    expect(world.clock.waiting).toBe(0);
  });
});

describe("the access time", () => {
  const DAY_MS = 24 * 60 * 60 * 1000;

  async function readAgain(world: World): Promise<number> {
    await world.read("file");
    await world.pass(50);
    const ino = world.lookup("file");
    const { atime } = await world.fs.getattr(ANYBODY, { ino });
    world.forget(ino);
    return atime.sec - world.clock.now().sec;
  }

  test("moves when the file changed since, or a day passed: relatime", async () => {
    const world = new World();
    await world.write("file", "text");
    await world.pass(5000);
    expect(await readAgain(world)).toBeGreaterThanOrEqual(-1);
    await world.pass(5000);
    expect(await readAgain(world)).toBeLessThan(-4);
    await world.pass(DAY_MS);
    expect(await readAgain(world)).toBeGreaterThanOrEqual(-1);
    const file = await world.open("file");
    await world.pass(5000);
    await file.write("new");
    file.close();
    await world.pass(5000);
    expect(await readAgain(world)).toBeGreaterThanOrEqual(-1);
  });

  test.each([
    ["noatime", -10],
    ["strictatime", -1],
  ] as const)("with %s lies %i seconds back", async (atime, expected) => {
    const world = new World({ config: { atime } });
    await world.write("file", "text");
    await world.pass(5000);
    await readAgain(world);
    await world.pass(5000);
    const age = await readAgain(world);
    if (atime === "noatime") expect(age).toBeLessThanOrEqual(expected);
    else expect(age).toBeGreaterThanOrEqual(expected);
  });
});
