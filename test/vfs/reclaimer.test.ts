import { describe, expect, test } from "vitest";
import { NexusError } from "../../src/model/errors.js";
import { type ContentHash, ROOT_INO, type StagingId } from "../../src/model/ids.js";
import type { ContentStore } from "../../src/storage/content/content-store.js";
import { bytesOfLength } from "../support/bytes.js";
import { ANYBODY, flags, World } from "./world.js";

function hashOf(world: World, name: string): ContentHash {
  const hash = world.hash(name);
  if (hash === undefined) throw new Error(`${name} isn't sealed`);
  return hash;
}

/** Two names, one content, all sealed. */
async function twoNames(): Promise<{ world: World; hash: ContentHash }> {
  const world = new World();
  for (const name of ["a", "b"]) await world.write(name, "same");
  await world.sealed("a", "b");
  return { world, hash: hashOf(world, "a") };
}

async function passSweeps(world: World): Promise<void> {
  for (let sweep = 0; sweep < 3; sweep++) await world.pass(1100);
}

describe("a blob", () => {
  test("goes with its last reference, not before", async () => {
    const { world, hash } = await twoNames();
    await world.unlink("a");
    await passSweeps(world);
    expect(world.hasBlob(hash)).toBe(true);
    await world.unlink("b");
    await passSweeps(world);
    await world.until(() => !world.hasBlob(hash));
    expect(world.metadata.unreferencedContents()).toStrictEqual([]);
  });

  test("stays while somebody has the last file open, and goes with the handle", async () => {
    const { world, hash } = await twoNames();
    await world.unlink("a");
    const reader = await world.open("b", { access: "read" });
    await world.unlink("b");
    await passSweeps(world);
    expect(world.hasBlob(hash)).toBe(true);
    expect(await reader.read()).toBe("same");
    reader.release();
    await passSweeps(world);
    expect(world.hasBlob(hash)).toBe(true);
    world.forget(reader.ino);
    await passSweeps(world);
    await world.until(() => !world.hasBlob(hash));
  });

  test("goes when the content of its file is another one", async () => {
    const world = new World();
    await world.write("file", "before");
    await world.sealed("file");
    const hash = hashOf(world, "file");
    const file = await world.open("file", { truncate: true });
    await passSweeps(world);
    // The old one counts until the new one is sealed: a crash would need neither.
    await file.write("after");
    file.close();
    await world.pass(1000);
    await world.until(() => world.hash("file") !== hash);
    await passSweeps(world);
    await world.until(() => !world.hasBlob(hash));
    expect(await world.read("file")).toBe("after");
  });

  test("goes when another file is renamed over its own", async () => {
    const world = new World();
    await world.write("old", "old");
    await world.write("new", "new");
    await world.sealed("old", "new");
    const hash = hashOf(world, "old");
    const names = { parent: ROOT_INO, name: "new", newParent: ROOT_INO, newName: "old" };
    await world.fs.rename(ANYBODY, { ...names, mode: "replace", whiteout: false });
    await passSweeps(world);
    await world.until(() => !world.hasBlob(hash));
    expect(await world.read("old")).toBe("new");
  });

  test("that is needed again before it goes stays", async () => {
    const world = new World();
    await world.write("first", "same");
    await world.sealed("first");
    const hash = hashOf(world, "first");
    await world.write("second", "same");
    await world.pass(500);
    await world.unlink("first");
    await world.sealed("second");
    await passSweeps(world);
    expect(hashOf(world, "second")).toBe(hash);
    expect(world.hasBlob(hash)).toBe(true);
    expect(await world.read("second")).toBe("same");
  });

  test("stays when its removal fails, and goes at the next try", async () => {
    let failures = 1;
    const world = new World({ wrapContents: (store) => failing(store, () => failures-- > 0) });
    await world.write("file", "text");
    await world.sealed("file");
    const hash = hashOf(world, "file");
    await world.unlink("file");
    await passSweeps(world);
    await world.until(() => world.trouble.length > 0);
    expect(world.hasBlob(hash)).toBe(true);
    expect(world.metadata.unreferencedContents()).toStrictEqual([hash]);
    await world.pass(10_000);
    await world.until(() => !world.hasBlob(hash));
    expect(world.trouble).toHaveLength(1);
  });
});

describe("the order of removal", () => {
  test("is: first the rows are durable, then the bytes go", async () => {
    const steps: string[] = [];
    const world = new World({
      wrapContents: (store) => {
        const { remove, discardStaging } = store;
        return Object.assign(store, {
          remove: (hashes: readonly ContentHash[]) => {
            steps.push("remove");
            return remove.call(store, hashes);
          },
          discardStaging: (ids: readonly StagingId[]) => {
            steps.push("discard");
            return discardStaging.call(store, ids);
          },
        });
      },
      wrapMetadata: (store) => {
        const { sync } = store;
        return Object.assign(store, {
          sync: async () => {
            await sync.call(store);
            steps.push("durable");
          },
        });
      },
    });
    await world.write("file", "text");
    await world.sealed("file");
    await world.pass(1000);
    await world.until(() => steps.length >= 2);
    expect(steps).toStrictEqual(["durable", "discard"]);
    await world.unlink("file");
    await passSweeps(world);
    await world.until(() => steps.length >= 4);
    expect(steps.slice(2)).toStrictEqual(["durable", "remove"]);
  });

  test("is the same for a content that was needed again, and then no more, while it was about to go", async () => {
    const steps: string[] = [];
    let meanwhile: (() => Promise<void>) | undefined;
    const world: World = new World({
      wrapContents: (store) => {
        const { remove } = store;
        return Object.assign(store, {
          remove: (hashes: readonly ContentHash[]) => {
            steps.push("remove");
            return remove.call(store, hashes);
          },
        });
      },
      wrapMetadata: (store) => {
        const { sync } = store;
        return Object.assign(store, {
          sync: async () => {
            await sync.call(store);
            const other = meanwhile;
            meanwhile = undefined;
            await other?.();
            steps.push("durable");
          },
        });
      },
    });
    await world.write("first", "same");
    await world.sealed("first");
    await passSweeps(world);
    const hash = hashOf(world, "first");
    steps.splice(0);
    meanwhile = async () => {
      await world.write("second", "same");
      await world.sealed("second");
      await world.unlink("second");
      await world.pass(50);
      steps.push("needed no more");
    };
    await world.unlink("first");
    await world.pass(1100);
    await world.until(() => steps.includes("durable"));
    await passSweeps(world);
    await world.until(() => !world.hasBlob(hash));
    expect(steps).toStrictEqual(["needed no more", "durable", "durable", "remove"]);
  });

  test("takes a few hundred at a time, however many there are", async () => {
    const before = new World();
    const hashes = Array.from(
      { length: 1200 },
      (_, number) => number.toString(16).padStart(64, "0") as ContentHash,
    );
    before.metadata.announceContents(
      hashes.map((hash) => ({ hash, sizeBytes: 1, blocks: 0, now: before.clock.now() })),
    );
    await before.close();
    const sizes: number[] = [];
    const world = new World({
      dataDir: before.dataDir,
      wrapContents: (store) => {
        const { remove } = store;
        return Object.assign(store, {
          remove: (some: readonly ContentHash[]) => {
            sizes.push(some.length);
            return remove.call(store, some);
          },
        });
      },
    });
    await passSweeps(world);
    await world.until(() => world.metadata.unreferencedContents().length === 0);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(hashes.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(512);
  });

  test("spares what is being sealed just now, though nothing refers to it yet", async () => {
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    let holds = false;
    let isHeld = false;
    const hold = (store: ContentStore) => {
      const { seal } = store;
      return Object.assign(store, {
        seal: async (requests: Parameters<typeof seal>[0]) => {
          const sealed = await seal.call(store, requests);
          if (!holds) return sealed;
          isHeld = true;
          await opened;
          return sealed;
        },
      });
    };
    const world = new World({ wrapContents: hold });
    await world.write("first", "same");
    await world.sealed("first");
    const hash = hashOf(world, "first");
    holds = true;
    await world.write("second", "same");
    world.clock.advance(1000);
    await world.until(() => isHeld);
    await world.unlink("first");
    await passSweeps(world);
    expect(world.metadata.unreferencedContents()).toStrictEqual([hash]);
    await passSweeps(world);
    expect(world.hasBlob(hash)).toBe(true);
    open();
    await world.until(() => world.hash("second") === hash);
    await passSweeps(world);
    expect(await world.read("second")).toBe("same");
    expect(world.hasBlob(hash)).toBe(true);
  });
});

describe("a staged content", () => {
  test("goes with its file, when that was never sealed", async () => {
    const world = new World();
    await world.write("small", "text");
    await world.write("large", bytesOfLength(100_000));
    for (const name of ["small", "large"]) await world.unlink(name);
    await world.swept();
    expect(world.blobs).toStrictEqual([]);
    expect(world.trouble).toStrictEqual([]);
  });

  test("of a file without a name goes with its handle", async () => {
    const world = new World();
    const request = { ino: ROOT_INO, mode: 0o600, flags: flags(), exclusive: true };
    const { entry, opened } = await world.fs.tmpfile(ANYBODY, request);
    const { handle } = opened;
    const data = bytesOfLength(100_000);
    const write = { handle, offset: 0, data, killSetId: false };
    await world.fs.write(ANYBODY, write);
    await passSweeps(world);
    expect(world.contents.stagingIds()).toHaveLength(1);
    world.fs.release({ handle });
    world.forget(entry.ino);
    await world.swept();
    expect(world.metadata.getattr(entry.ino)).toBeUndefined();
  });

  test("that couldn't be sealed, and was then written anew, leaves nothing behind", async () => {
    let failures = 1;
    const failOnce = (store: ContentStore) => failing(store, () => failures-- > 0, "seal");
    const world = new World({ wrapContents: failOnce });
    await world.write("file", bytesOfLength(100_000));
    world.clock.advance(1000);
    await world.until(() => world.trouble.length > 0);
    await world.settle();
    const file = await world.open("file");
    await file.write("anew");
    file.close();
    await world.sealed("file");
    expect(await world.read("file")).toContain("anew");
    await world.swept();
    expect(world.blobs).toHaveLength(1);
  });

  test("that couldn't be sealed, and was then emptied, leaves nothing behind", async () => {
    let failures = 1;
    const failOnce = (store: ContentStore) => failing(store, () => failures-- > 0, "seal");
    const world = new World({ wrapContents: failOnce });
    await world.write("file", "text");
    world.clock.advance(1000);
    await world.until(() => world.trouble.length > 0);
    await world.settle();
    const file = await world.open("file", { truncate: true });
    file.close();
    await world.sealed("file");
    await world.swept();
    expect(await world.read("file")).toBe("");
  });
});

/** A store that fails as long as `fails` says so. */
function failing(
  store: ContentStore,
  fails: () => boolean,
  method: "remove" | "seal" = "remove",
): ContentStore {
  const call = store[method].bind(store) as (argument: unknown) => Promise<unknown>;
  const perhaps = async (argument: unknown) => {
    if (fails()) throw new Error("not now");
    return await call(argument);
  };
  return Object.assign(store, { [method]: perhaps });
}

test("that orphans can't be deleted now is no trouble of whoever removes a name", async () => {
  let isStuck = false;
  let tries = 0;
  const world = new World({
    wrapMetadata: (store) => {
      const reap = store.reap.bind(store);
      return Object.assign(store, {
        reap: (...args: Parameters<typeof reap>) => {
          tries += 1;
          if (isStuck) throw new NexusError("no-space", "the disk is full");
          return reap(...args);
        },
      });
    },
  });
  const names = Array.from({ length: 600 }, (_, n) => `file ${n}`);
  for (const name of names) await world.write(name, "");
  isStuck = true;
  for (const name of names) await world.unlink(name);
  expect(tries).toBe(1);
  isStuck = false;
  await world.pass(10_000);
  expect(tries).toBe(2);
  expect(world.metadata.orphans()).toStrictEqual([]);
});
