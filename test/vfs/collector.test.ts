import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import type { ContentHash } from "../../src/model/ids.js";
import { COLLECTOR_PARTS, type Collected, collectAll } from "../../src/vfs/content/collect-all.js";
import { addStray, hashOf, problemsIn } from "../support/data-directory.js";
import { kindOfLater } from "../support/error-kind.js";
import { FakeClock } from "../support/fake-clock.js";
import { World, type WorldOptions } from "./world.js";

const UNFINISHED = COLLECTOR_PARTS - 1;
const NONE = { files: 0, bytes: 0 };

/** A world with two files, sealed. */
async function worldWithFiles(options: WorldOptions = {}): Promise<World> {
  const world = new World(options);
  for (const name of ["a", "b"]) await world.write(name, `content of ${name}`);
  await world.sealed("a", "b");
  await world.swept();
  return world;
}

async function collect(
  world: World,
  action: "look" | "remove" = "remove",
): Promise<Partial<Collected>> {
  const { known, contents, unfinished, young, held } = await collectAll({
    collect: world.nexus.collect,
    action: action === "look" ? "look" : "remove-most",
  });
  return { known, contents, unfinished, young, held };
}

function partOf(hash: ContentHash): number {
  return Number.parseInt(hash.slice(0, 2), 16);
}

function addUnfinished(world: World, name = `${"0".repeat(64)}.new`): string {
  const path = join(world.dataDir, "staging", name);
  writeFileSync(path, "half");
  return path;
}

describe("what nothing knows of", () => {
  test("is found, and removed, and what files have stays", async () => {
    const world = await worldWithFiles();
    const strays = ["one", "two2", "three"].map((text) => addStray(world.dataDir, text));
    const path = addUnfinished(world);
    const found = {
      ...{ known: 2, contents: { files: 3, bytes: 12 }, unfinished: { files: 1, bytes: 4 } },
      ...{ young: NONE, held: NONE },
    };
    expect(await collect(world, "look")).toStrictEqual(found);
    expect(world.blobs).toHaveLength(5);
    expect(existsSync(path)).toBe(true);

    expect(await collect(world)).toStrictEqual(found);
    expect(world.blobs).toHaveLength(2);
    for (const hash of strays) {
      // The directory went with its only content.
      const directory = join(world.dataDir, "cas", hash.slice(0, 2), hash.slice(2, 4));
      expect(existsSync(directory)).toBe(false);
    }
    expect(existsSync(path)).toBe(false);
    expect(await collect(world)).toStrictEqual({
      ...{ known: 2, contents: NONE, unfinished: NONE, young: NONE, held: NONE },
    });
    await world.close();
    expect(problemsIn(world.dataDir)).toStrictEqual([]);
  });

  test("stays as long as it is young", async () => {
    const clock = new FakeClock(Date.now());
    const hour = 60 * 60_000;
    const world = await worldWithFiles({ clock, collection: { graceMs: hour, intervalMs: 0 } });
    const hash = addStray(world.dataDir, "stray");
    const path = addUnfinished(world);
    const none = { known: 2, contents: NONE, unfinished: NONE, held: NONE };
    const young = { files: 2, bytes: 9 };
    expect(await collect(world)).toStrictEqual({ ...none, young });
    for (const part of [partOf(hash), UNFINISHED]) await world.nexus.collect(part, "remove");
    expect([world.hasBlob(hash), existsSync(path)]).toStrictEqual([true, true]);
    // The files were made some time after the clock was.
    clock.skip(hour + 60_000);
    expect(await collect(world)).toMatchObject({
      contents: { files: 1 },
      unfinished: { files: 1 },
    });
    expect([world.hasBlob(hash), existsSync(path)]).toStrictEqual([false, false]);
  });

  test("isn't what lies below cas/ and is no content", async () => {
    const world = await worldWithFiles();
    const hash = addStray(world.dataDir, "stray");
    const directory = join(world.dataDir, "cas", hash.slice(0, 2), hash.slice(2, 4));
    const elsewhere = `${hash.slice(0, 4)}${"0".repeat(60)}`;
    const foreign = [
      join(world.dataDir, "cas", "notes"),
      join(directory, "notes"),
      join(world.dataDir, "cas", hash.slice(0, 2), elsewhere),
      join(directory, `${hashOf("content of a")}`),
    ];
    for (const path of foreign) writeFileSync(path, "mine");
    expect(await collect(world)).toMatchObject({ known: 2, contents: { files: 1, bytes: 5 } });
    expect(foreign.map((path) => existsSync(path))).toStrictEqual([true, true, true, true]);
  });

  test("isn't a content that only the inode of a file tells of", async () => {
    const world = await worldWithFiles();
    await world.close();
    const database = new Database(join(world.dataDir, "metadata.db"));
    database.exec("DELETE FROM contents");
    database.close();
    const again = new World({ dataDir: world.dataDir });
    expect(await collect(again)).toMatchObject({ known: 2, contents: NONE });
    expect(await again.read("a")).toBe("content of a");
  });
});

describe("a content without a file", () => {
  test("stays when a seal has announced it, and has put it there", async () => {
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    let isPlaced = false;
    const world = new World({
      wrapContents: (store) => {
        const { seal } = store;
        return Object.assign(store, {
          seal: async (requests: Parameters<typeof seal>[0]) => {
            const sealed = await seal.call(store, requests);
            isPlaced = true;
            await opened;
            return sealed;
          },
        });
      },
    });
    await world.write("file", "same");
    world.clock.advance(1100);
    await world.until(() => isPlaced);
    expect(await collect(world)).toMatchObject({ known: 1, contents: NONE });
    open();
    await world.until(() => world.hash("file") !== undefined);
    expect(await world.read("file")).toBe("same");
  });

  test("stays when a file gets it after it was found, and before it is removed", async () => {
    let whenSynced: () => Promise<void> = async () => undefined;
    const world = await worldWithFiles({
      wrapMetadata: (store) => {
        const { sync } = store;
        return Object.assign(store, {
          sync: async () => {
            await sync.call(store);
            await whenSynced();
          },
        });
      },
    });
    const hash = addStray(world.dataDir, "same");
    await world.write("file", "same");
    whenSynced = async () => {
      whenSynced = async () => undefined;
      await world.sealed("file");
    };
    expect(await world.nexus.collect(partOf(hash), "remove")).toMatchObject({ contents: NONE });
    expect(world.hash("file")).toBe(hash);
    expect(world.hasBlob(hash)).toBe(true);
  });

  test("is put there anew by a seal whose request comes right after its removal", async () => {
    const world = await worldWithFiles();
    const hash = addStray(world.dataDir, "same");
    await world.write("file", "same");
    const ids = world.metadata.stagedContents().map(({ stagingId }) => stagingId);
    await world.contents.hash(ids);
    const { handleNeedless } = world.contents;
    let sealed: Promise<unknown> | undefined;
    Object.assign(world.contents, {
      handleNeedless: (request: Parameters<typeof handleNeedless>[0]) => {
        const removed = handleNeedless.call(world.contents, request);
        sealed ??= world.contents.seal(ids.map((id) => ({ id, hash, sizeBytes: 4 })));
        return removed;
      },
    });
    expect(await world.nexus.collect(partOf(hash), "remove")).toMatchObject({
      contents: { files: 1, bytes: 4 },
    });
    await sealed;
    expect(world.hasBlob(hash)).toBe(true);
  });

  test("stays while a backup holds all contents, and goes after that", async () => {
    const world = await worldWithFiles();
    const hash = addStray(world.dataDir, "stray");
    const hold = world.nexus.hold();
    await hold.begin();
    expect(await collect(world)).toMatchObject({ contents: NONE, held: { files: 1, bytes: 5 } });
    expect(world.hasBlob(hash)).toBe(true);
    hold.end();
    expect(await collect(world)).toMatchObject({ contents: { files: 1, bytes: 5 }, held: NONE });
    expect(world.hasBlob(hash)).toBe(false);
  });

  test("goes when the rows are durable, not before", async () => {
    const steps: string[] = [];
    const world = await worldWithFiles({
      wrapContents: (store) => {
        const { handleNeedless } = store;
        return Object.assign(store, {
          handleNeedless: (request: Parameters<typeof handleNeedless>[0]) => {
            steps.push(request.action);
            return handleNeedless.call(store, request);
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
    const hash = addStray(world.dataDir, "stray");
    steps.length = 0;
    await world.nexus.collect(partOf(hash), "look");
    await world.nexus.collect(partOf(hash), "remove");
    expect(steps).toStrictEqual(["look", "durable", "remove"]);
  });
});

test("writers that make, share and remove the same contents lose none of them meanwhile", async () => {
  const world = await worldWithFiles();
  const texts = Array.from({ length: 12 }, (_, n) => String(n).repeat(n % 2 === 0 ? 10 : 80_000));
  for (let round = 0; round < 25; round++) {
    for (const text of texts) addStray(world.dataDir, text);
    const names = texts.map((_, n) => `${round} ${n}`);
    for (const [n, name] of names.entries()) await world.write(name, texts[n] ?? "");
    world.clock.advance(1100);
    const collecting = Promise.all(
      texts.map((text) => world.nexus.collect(partOf(hashOf(text) as ContentHash), "remove")),
    );
    await world.until(() => names.every((name) => world.hash(name) !== undefined));
    await collecting;
    for (const [n, name] of names.entries()) {
      expect(world.hasBlob(hashOf(texts[n] ?? "") as ContentHash), name).toBe(true);
      expect((await world.read(name)).length).toBe(texts[n]?.length);
    }
    for (const name of names) await world.unlink(name);
    if (round % 2 === 0) await world.pass(1100);
  }
  expect(world.trouble).toStrictEqual([]);
  await world.close({ drainMs: 10_000 });
  expect(problemsIn(world.dataDir)).toStrictEqual([]);
}, 20_000);

test("there are so many parts, and none of a store that is closed", async () => {
  const world = await worldWithFiles();
  addUnfinished(world);
  for (const part of [-1, 0.5, COLLECTOR_PARTS]) {
    expect(await kindOfLater(world.nexus.collect(part, "look"))).toBe("invalid-argument");
  }
  expect(await world.nexus.collect(UNFINISHED, "look")).toMatchObject({ unfinished: { files: 1 } });
  await world.close();
  expect(await kindOfLater(world.nexus.collect(UNFINISHED, "look"))).toBe("closed");
});

test("closing waits for the part that is under way, which ends", async () => {
  const world = await worldWithFiles();
  const hashes = ["1", "2"].map((text) => addStray(world.dataDir, text));
  let closing: Promise<void> | undefined;
  const { sealedIn } = world.contents;
  Object.assign(world.contents, {
    sealedIn: async (directory: number) => {
      closing = world.close();
      return await sealedIn.call(world.contents, directory);
    },
  });
  const [hash] = hashes as [ContentHash, ContentHash];
  expect(await kindOfLater(world.nexus.collect(partOf(hash), "remove"))).toBe("closed");
  await closing;
  expect(hashes.every((stray) => world.hasBlob(stray))).toBe(true);
  expect(world.trouble).toStrictEqual([]);
});
