import { describe, expect, test } from "vitest";
import { NexusError } from "../../src/model/errors.js";
import type { StagingId } from "../../src/model/ids.js";
import type { ContentStore } from "../../src/storage/content/content-store.js";
import { kindOfLater } from "../support/error-kind.js";
import { ANYBODY, type OpenFile, World } from "./world.js";

const MIB = 1024 ** 2;

/** Hashing of what is larger than this never ends, unless it is cancelled. */
function endlessAbove(mostBytes: number) {
  const cancels = new Map<StagingId, () => void>();
  const endless = {
    started: [] as StagingId[],
    cancelled: [] as StagingId[],
    wrap: (store: ContentStore): ContentStore => {
      const hash = store.hash.bind(store);
      return Object.assign(store, {
        hash: async (ids: readonly StagingId[]) => {
          const large = ids.filter((id) => (store.statStaging(id)?.sizeBytes ?? 0) > mostBytes);
          endless.started.push(...large);
          await Promise.all(large.map((id) => new Promise<void>((end) => cancels.set(id, end))));
          return large.length > 0 ? new Map() : await hash(ids);
        },
        cancelHash: (id: StagingId) => {
          endless.cancelled.push(id);
          cancels.get(id)?.();
        },
      });
    },
  };
  return endless;
}

async function writeSparse(world: World, { name, mib }: { name: string; mib: number }) {
  const file = await world.create(name);
  await file.truncate(mib * MIB);
  file.close();
}

async function copy(world: World, { from, to }: { from: OpenFile; to: OpenFile }): Promise<number> {
  const toHandle = to.handle;
  const request = { handle: from.handle, offset: 0, toHandle, toOffset: 0, length: 2 ** 40 };
  return await world.fs.copyFileRange(ANYBODY, request);
}

describe("while a large content is hashed", () => {
  async function hashing() {
    const endless = endlessAbove(256 * MIB);
    const world = new World({ wrapContents: endless.wrap });
    await writeSparse(world, { name: "large", mib: 300 * 1024 });
    await world.pass(1100);
    expect(endless.started).toHaveLength(1);
    return { world, endless };
  }

  test("those like a small one are counted", async () => {
    const { world } = await hashing();
    await world.write("small", "text");
    await world.write("alike", "text");
    expect(await world.attribute(world.lookup("small"), "ref_count")).toBe("2");
  });

  test("small ones are sealed", async () => {
    const { world } = await hashing();
    await world.write("small", "text");
    await world.sealed("small");
    expect(world.hash("large")).toBeUndefined();
  });

  test("the etag of a small one is told", async () => {
    const { world } = await hashing();
    const ino = await world.write("small", "text");
    world.lookup("small");
    expect(await world.attribute(ino, "etag")).toBe(world.hash("small"));
  });

  test("a small one is copied by reference", async () => {
    const { world } = await hashing();
    await world.write("small", "text");
    const from = await world.open("small", { access: "read" });
    const to = await world.create("copy");
    expect(await copy(world, { from, to })).toBe(4);
    expect(world.hash("copy")).toBe(world.hash("small"));
    expect(world.hash("copy")).toBeDefined();
  });

  test("a copy of it begins at once, byte by byte", async () => {
    const { world } = await hashing();
    const from = await world.open("large", { access: "read" });
    const to = await world.create("copy");
    expect(await copy(world, { from, to })).toBeGreaterThan(0);
    expect(world.hash("copy")).toBeUndefined();
  });

  test("a second large one waits, unless somebody asks for it", async () => {
    const { world, endless } = await hashing();
    await writeSparse(world, { name: "second", mib: 400 });
    await world.pass(5000);
    expect(endless.started).toHaveLength(1);
    const etag = world.attribute(world.lookup("second"), "etag");
    await world.settle();
    expect(endless.started).toHaveLength(2);
    const writer = await world.open("second");
    await writer.write("ends it");
    expect(await etag).toBeUndefined();
  });

  test("whoever writes to it stops that, and it waits anew", async () => {
    const { world, endless } = await hashing();
    const writer = await world.open("large");
    await writer.write("text");
    await world.settle();
    expect(endless.cancelled).toStrictEqual(endless.started);
    await world.pass(5000);
    expect(endless.started).toHaveLength(1);
    writer.close();
    await world.pass(1100);
    expect(endless.started).toHaveLength(2);
    expect(world.trouble).toStrictEqual([]);
  });

  test("its removal stops that, and leaves nothing", async () => {
    const { world, endless } = await hashing();
    await world.unlink("large");
    await world.pass(20);
    expect(endless.cancelled).toStrictEqual(endless.started);
    await world.swept();
    expect(world.trouble).toStrictEqual([]);
  });

  test("closing waits no longer than its time, and the next start takes it up", async () => {
    const { world, endless } = await hashing();
    await world.write("small", "text");
    let isClosed = false;
    const closing = world.close({ drainMs: 30_000 }).then(() => {
      isClosed = true;
    });
    await world.until(() => world.hash("small") !== undefined);
    await world.pass(29_999);
    expect(isClosed).toBe(false);
    world.clock.advance(1);
    await closing;
    expect(endless.cancelled).toStrictEqual(endless.started);
    expect(world.trouble).toStrictEqual([]);
    expect(world.clock.waiting).toBe(0);
    const { wrap, started } = endlessAbove(256 * MIB);
    const next = new World({ dataDir: world.dataDir, clock: world.clock, wrapContents: wrap });
    await next.pass(5000);
    expect(started).toHaveLength(1);
    const file = await next.open("large");
    expect(await file.read({ length: 3 })).toBe("\0\0\0");
  });
});

describe("closing", () => {
  test("without time cancels what is being hashed, of whatever size", async () => {
    const endless = endlessAbove(0);
    const world = new World({ wrapContents: endless.wrap });
    await world.write("file", "text");
    await world.pass(1000);
    await world.close({ drainMs: 0 });
    expect(endless.cancelled).toStrictEqual(endless.started);
    expect(world.trouble).toStrictEqual([]);
    const next = new World({ dataDir: world.dataDir, clock: world.clock });
    await next.sealed("file");
  });
});

describe("a large content", () => {
  test("is sealed like any other, once, however many ask meanwhile", async () => {
    const world = new World();
    await writeSparse(world, { name: "large", mib: 257 });
    const ino = world.lookup("large");
    const etags = await Promise.all([world.attribute(ino, "etag"), world.attribute(ino, "etag")]);
    expect(etags).toStrictEqual([world.hash("large"), world.hash("large")]);
    expect(world.blobs).toHaveLength(1);
    expect(await world.attribute(ino, "version")).toBe("1");
    expect(await world.attribute(ino, "ref_count")).toBe("1");
  });

  test("is sealed by itself, too, and counts for ref_count", async () => {
    const world = new World();
    await writeSparse(world, { name: "a", mib: 257 });
    await writeSparse(world, { name: "b", mib: 257 });
    expect(await world.attribute(world.lookup("a"), "ref_count")).toBe("2");
    await writeSparse(world, { name: "c", mib: 257 });
    await world.sealed("c");
    expect(await world.attribute(world.lookup("a"), "ref_count")).toBe("3");
  });

  test("is sealed also when its bytes couldn't be synced beforehand", async () => {
    let failures = 0;
    const world = new World({
      wrapContents: (store) => {
        const openStaging = store.openStaging.bind(store);
        return Object.assign(store, {
          openStaging: (id: StagingId) =>
            Object.assign(openStaging(id), {
              sync: async () => {
                failures += 1;
                throw new NexusError("io-failure", "bad disk");
              },
            }),
        });
      },
    });
    await writeSparse(world, { name: "large", mib: 257 });
    await world.sealed("large");
    expect(failures).toBe(1);
  });

  test("that can't be hashed is reported to who asks, and tried again", async () => {
    let fails = true;
    const world = new World({
      wrapContents: (store) => {
        const hash = store.hash.bind(store);
        return Object.assign(store, {
          hash: async (ids: readonly StagingId[]) => {
            if (fails) throw new NexusError("io-failure", "bad disk");
            return await hash(ids);
          },
        });
      },
    });
    await writeSparse(world, { name: "large", mib: 257 });
    const etag = world.attribute(world.lookup("large"), "etag");
    expect(await kindOfLater(etag)).toBe("io-failure");
    fails = false;
    world.clock.advance(10_000);
    await world.until(() => world.hash("large") !== undefined);
  });
});

describe("copying a whole file right after it was written", () => {
  test("is by reference up to 256 MiB", async () => {
    const world = new World();
    await writeSparse(world, { name: "file", mib: 256 });
    const from = await world.open("file", { access: "read" });
    const to = await world.create("copy");
    expect(await copy(world, { from, to })).toBe(256 * MIB);
    expect(world.hash("copy")).toBe(world.hash("file"));
  });

  test("copies bytes when much is hashed before", async () => {
    const endless = endlessAbove(100 * MIB);
    const world = new World({ wrapContents: endless.wrap });
    for (const name of ["a", "b", "c"]) await writeSparse(world, { name, mib: 200 });
    const asked = ["a", "b", "c"].map((name) => world.attribute(world.lookup(name), "etag"));
    await world.write("small", "text");
    const from = await world.open("small", { access: "read" });
    const to = await world.create("copy");
    expect(await copy(world, { from, to })).toBe(4);
    expect(world.hash("copy")).toBeUndefined();
    expect(await to.read()).toBe("text");
    const closing = world.close({ drainMs: 0 });
    expect(await Promise.all(asked)).toStrictEqual([undefined, undefined, undefined]);
    await closing;
  });
});
