import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type ContentHash, ROOT_INO, type StagingId } from "../../src/model/ids.js";
import type { ContentStore } from "../../src/storage/content/content-store.js";
import { brokenInvariants } from "../storage/metadata/invariants.js";
import { bytesOfLength } from "../support/bytes.js";
import { afterKill } from "../support/crash.js";
import { kindOfLater } from "../support/error-kind.js";
import { ANYBODY, flags, type OpenFile, World } from "./world.js";

const LARGE = bytesOfLength(100_000);

describe("after a kill", () => {
  test("every byte is there that was written, whoever had the file open", async () => {
    const world = new World();
    const open = await world.create("open", "text");
    await open.write("appended", 4);
    await world.write("closed", "closed");
    await world.write("large", LARGE);
    const after = world.killed();
    expect(await after.read("open")).toBe("textappended");
    expect(await after.read("closed")).toBe("closed");
    const large = await after.open("large");
    expect((await large.read()).length).toBe(LARGE.toString("utf8").length);
  });

  test.each([10, 100_000])("a sealed file of %i bytes has what was changed since", async (size) => {
    const world = new World();
    await world.write("file", "x".repeat(size));
    await world.sealed("file");
    const file = await world.open("file");
    await file.write("more", size);
    const after = world.killed();
    expect(await after.read("file")).toBe(`${"x".repeat(size)}more`);
    expect(after.trouble).toStrictEqual([]);
  });

  test("sizes and times are those of the bytes, also if no row had them yet", async () => {
    const world = new World();
    const file = await world.create("file", "text");
    await world.pass(50);
    await world.pass(7000);
    await file.write("longer text");
    const mtime = world.clock.now();
    const after = world.killed();
    const ino = after.lookup("file");
    const attributes = await after.fs.getattr(ANYBODY, { ino });
    expect(attributes).toMatchObject({ sizeBytes: 11, mtime, ctime: mtime });
  });

  test("a time that was set stays set", async () => {
    const world = new World();
    const ino = await world.write("file", "text");
    world.lookup("file");
    const mtime = { sec: 1_000_000_000, nsec: 0 };
    await world.fs.setattr(ANYBODY, { ino, mtime });
    const after = world.killed();
    const found = await after.fs.getattr(ANYBODY, { ino: after.lookup("file") });
    expect(found.mtime).toStrictEqual(mtime);
  });

  test("sealing goes on, a second later", async () => {
    const world = new World();
    await world.write("small", "text");
    await world.write("large", LARGE);
    await world.create("open", "open");
    const after = world.killed();
    await after.sealed("small", "large", "open");
    await after.swept();
    expect(after.blobs).toHaveLength(3);
    expect(after.trouble).toStrictEqual([]);
    await after.close({ drainMs: 1000 });
    expect(brokenInvariants(after.dataDir)).toStrictEqual({});
  });

  test("in the middle of sealing, at any step, nothing is lost and nothing is left", async () => {
    for (const step of ["hash", "seal", "commit"] as const) {
      const world = new World();
      await world.write("small", "text");
      await world.write("large", LARGE);
      if (step !== "hash") await sealOnly(world);
      const after = world.killed();
      expect(await after.read("small")).toBe("text");
      await after.sealed("small", "large");
      await after.swept();
      expect(after.blobs).toHaveLength(2);
      expect(await after.read("small")).toBe("text");
      expect(after.trouble).toStrictEqual([]);
    }
  });

  test("a file whose bytes lie in the CAS already is copied before it is written", async () => {
    const world = new World();
    await world.write("large", LARGE);
    await sealOnly(world);
    const [blob = ""] = world.blobs;
    const after = world.killed();
    const file = await after.open("large");
    await file.write("changed");
    file.close();
    await after.sealed("large");
    expect(after.hash("large")).not.toBe(blob);
    expect((await after.read("large")).startsWith("changed")).toBe(true);
    await after.swept();
    expect(after.blobs).toStrictEqual([after.hash("large")]);
  });

  test("a file that was removed while it was open is gone, with its bytes", async () => {
    const world = new World();
    const sealed = await world.create("sealed", "sealed");
    sealed.release();
    await world.sealed("sealed");
    await world.open("sealed");
    await world.create("staged", LARGE);
    const request = { ino: ROOT_INO, mode: 0o600, flags: flags(), exclusive: true };
    await world.fs.tmpfile(ANYBODY, request);
    for (const name of ["sealed", "staged"]) await world.unlink(name);
    const before = world.metadata.countInodes();
    const after = world.killed();
    expect(after.metadata.orphans()).toHaveLength(3);
    await after.swept();
    expect(after.metadata.countInodes()).toBe(before - 3);
    expect(after.blobs).toStrictEqual([]);
  });

  test("what nothing refers to is removed: blobs, staging files, half-made ones", async () => {
    const world = new World();
    await world.write("file", "text");
    await world.sealed("file");
    await world.unlink("file");
    await world.pass(50);
    await world.close();
    const staging = join(world.dataDir, "staging");
    writeFileSync(join(staging, "4711"), "stray");
    writeFileSync(join(staging, `${"a".repeat(64)}.new`), "half");
    const after = new World({ dataDir: world.dataDir, clock: world.clock });
    await after.swept();
    await after.until(() => after.blobs.length === 0);
    expect(readdirSync(staging).filter((name) => !name.startsWith("log-"))).toStrictEqual([]);
  });

  test("what nothing refers to stays while it rests, and goes when that is over, without another start", async () => {
    const world = new World();
    const hash = "ab".repeat(32) as ContentHash;
    world.metadata.announceContents([{ hash, sizeBytes: 4, blocks: 8 }]);
    await world.close();
    const stray = join(world.dataDir, "staging", "4711");
    writeFileSync(stray, "stray");
    const collection = { graceMs: 0, intervalMs: 0, restMs: 60_000 };
    const after = new World({ dataDir: world.dataDir, clock: world.clock, collection });
    await after.pass(50_000);
    await after.pass(5000);
    const unneeded = () => after.metadata.unreferencedContents().length;
    expect([unneeded(), existsSync(stray)]).toStrictEqual([1, true]);
    await after.pass(6000);
    await after.pass(2000);
    await after.until(() => unneeded() === 0 && !existsSync(stray));
  });

  test("the log counts what was taken up, and says nothing when there was nothing", async () => {
    const world = new World();
    await world.write("file", "text");
    const after = world.killed();
    expect(after.lines).toContainEqual(expect.objectContaining({ staged: 1, orphans: 0 }));
    await after.sealed("file");
    await after.swept();
    await after.close({ drainMs: 1000 });
    const quiet = new World({ dataDir: after.dataDir, clock: world.clock });
    expect(quiet.lines.filter(({ msg }) => msg.startsWith("took up"))).toStrictEqual([]);
  });
});

describe("after a power failure", () => {
  /** A file that was synced and sealed, and then changed by somebody who didn't sync. */
  async function changed(change: (world: World) => Promise<void>): Promise<World> {
    const world = new World();
    const file = await world.create("file", "old text");
    await file.fsync();
    file.close();
    await world.sealed("file");
    await world.swept();
    const durable = stagingSizes(world);
    await change(world);
    return await withRowsAlone(world, durable);
  }

  function stagingSizes(world: World): ReadonlyMap<string, number> {
    const staging = join(world.dataDir, "staging");
    return new Map(readdirSync(staging).map((name) => [name, sizeOf(staging, name)]));
  }

  /** Every row is durable, and of staged bytes only what was there when there were so many. */
  async function withRowsAlone(world: World, durable: ReadonlyMap<string, number>): Promise<World> {
    await world.fs.fsync(ANYBODY, { ino: ROOT_INO });
    const dataDir = afterKill(world.dataDir);
    for (const name of readdirSync(join(dataDir, "staging"))) {
      const path = join(dataDir, "staging", name);
      const sizeBytes = durable.get(name);
      if (sizeBytes === undefined) rmSync(path);
      else truncateSync(path, sizeBytes);
    }
    return new World({ dataDir, clock: world.clock });
  }

  test.each([10, 100_000])(
    "a number is given once, also if only a staged content of %i bytes remembers it",
    async (size) => {
      const world = new World();
      await world.fs.fsync(ANYBODY, { ino: ROOT_INO });
      await world.close();
      const dataDir = afterKill(world.dataDir);
      const again = new World({ dataDir: world.dataDir, clock: world.clock });
      for (let n = 0; n < 5; n++) await again.write(`lost ${n}`, bytesOfLength(size));
      // The bytes got to disk, and none of the rows, nor what they say of the numbers.
      rmSync(join(dataDir, "staging"), { recursive: true });
      cpSync(join(again.dataDir, "staging"), join(dataDir, "staging"), { recursive: true });

      const after = new World({ dataDir, clock: world.clock });
      const files: OpenFile[] = [];
      for (let n = 0; n < 5; n++) {
        const file = await after.create(`new ${n}`, "x".repeat(size));
        await file.write(`new ${n}`);
        await file.fsync();
        files.push(file);
      }
      // What nothing refers to is removed.
      for (let sweep = 0; sweep < 3; sweep++) await after.pass(1100);
      for (const file of files) file.close();
      for (let n = 0; n < 5; n++) {
        expect(await after.read(`new ${n}`)).toBe(`new ${n}${"x".repeat(size - 5)}`);
      }
      expect(after.trouble).toStrictEqual([]);
    },
  );

  const CHANGES: [string, (world: World) => Promise<void>][] = [
    ["appended to", async (world) => (await world.open("file")).write("more", 8)],
    ["overwritten", async (world) => (await world.open("file")).write("new")],
    ["cut", async (world) => (await world.open("file")).truncate(3)],
    [
      "written anew",
      async (world) => {
        const file = await world.open("file", { truncate: true });
        await file.write("something new");
        // The row has the new size, too.
        await world.pass(10_000);
      },
    ],
  ];

  test.each(CHANGES)("a durable file that was %s has its old content, whole", async (_, change) => {
    const after = await changed(change);
    expect(await after.read("file")).toBe("old text");
    const { sizeBytes } = await after.fs.getattr(ANYBODY, { ino: after.lookup("file") });
    expect(sizeBytes).toBe(8);
    expect(after.trouble).toHaveLength(1);
    const before = after.hash("file");
    const file = await after.open("file");
    await file.write("!", 8);
    file.close();
    await after.pass(1100);
    await after.until(() => after.hash("file") !== before);
    expect(await after.read("file")).toBe("old text!");
    await after.swept();
    expect(after.blobs).toStrictEqual([after.hash("file")]);
    await after.close({ drainMs: 1000 });
    expect(brokenInvariants(after.dataDir)).toStrictEqual({});
  });

  test.each([8, 100_000])(
    "a durable file of %i bytes that was written anew while it was being sealed can be read",
    async (size) => {
      let goOn: () => void = () => undefined;
      let isSealing = false;
      const wrapContents = (store: ContentStore) => {
        const { seal } = store;
        return Object.assign(store, {
          seal: async (...args: Parameters<typeof seal>) => {
            isSealing = true;
            await new Promise<void>((resolve) => {
              goOn = resolve;
            });
            return await seal.apply(store, args);
          },
        });
      };
      const world = new World({ wrapContents });
      try {
        const file = await world.create("file", "x".repeat(size));
        await file.fsync();
        file.close();
        world.clock.advance(1100);
        await world.until(() => isSealing);
        const again = await world.open("file", { truncate: true });
        const durable = stagingSizes(world);
        await again.write("something new");
        // The row has the new size, too.
        await world.pass(10_000);
        const after = await withRowsAlone(world, durable);
        expect(await after.read("file")).toBe("");
        expect(after.trouble).toStrictEqual([]);
      } finally {
        goOn();
      }
    },
  );

  test.each([10, 100_000])(
    "a file that was synced when it was empty can be read, whatever became of %i bytes written since",
    async (size) => {
      const world = new World();
      const file = await world.create("file");
      await file.fsync();
      const durable = stagingSizes(world);
      await file.write("x".repeat(size));
      // The row has the new size, too.
      await world.pass(10_000);
      const after = await withRowsAlone(world, durable);
      expect(await after.read("file")).toBe("");
      expect(after.trouble).toStrictEqual([]);
    },
  );

  test("a file that was synced when it was empty has the times that it had", async () => {
    const world = new World();
    const file = await world.create("file");
    const mtime = world.clock.now();
    await world.pass(5000);
    await file.fsync();
    const after = world.killed();
    const found = await after.fs.getattr(ANYBODY, { ino: after.lookup("file") });
    expect(found).toMatchObject({ mtime, ctime: mtime, sizeBytes: 0 });
  });

  test("a file that was emptied is empty, if its row says so", async () => {
    const after = await changed(async (world) => {
      await world.open("file", { truncate: true });
    });
    expect(await after.read("file")).toBe("");
    expect(after.trouble).toStrictEqual([]);
  });
});

describe("an ordinary end", () => {
  test("seals what nobody writes to, as far as the time reaches", async () => {
    const world = new World();
    await world.write("file", "text");
    await world.create("open", "text");
    await world.close({ drainMs: 1000 });
    const after = new World({ dataDir: world.dataDir, clock: world.clock });
    expect(after.hash("file")).toBeDefined();
    expect(await after.read("open")).toBe("text");
  });

  test("without time leaves it to the next start", async () => {
    const world = new World();
    await world.write("file", "text");
    await world.close({ drainMs: 0 });
    const after = new World({ dataDir: world.dataDir, clock: world.clock });
    expect(after.hash("file")).toBeUndefined();
    await after.sealed("file");
    expect(await after.read("file")).toBe("text");
  });
});

describe("damage", () => {
  async function damaged(harm: (path: string) => void): Promise<World> {
    const world = new World();
    await world.write("file", LARGE);
    await world.sealed("file");
    const hash = world.hash("file") ?? "";
    harm(join(world.dataDir, "cas", hash.slice(0, 2), hash.slice(2, 4), hash));
    return world;
  }

  const HARM: [string, (path: string) => void][] = [
    ["is missing", (path) => rmSync(path)],
    [
      "was cut",
      (path) => {
        chmodSync(path, 0o600);
        truncateSync(path, 4096);
      },
    ],
    [
      "is a directory",
      (path) => {
        rmSync(path);
        mkdirSync(path);
      },
    ],
  ];

  test.each(HARM)("of a blob that %s is an error to whoever wants its bytes", async (_, harm) => {
    const world = await damaged(harm);
    const file = await world.open("file");
    expect(await kindOfLater(file.read())).toBe("corrupt");
    expect(await kindOfLater(file.write("x"))).toBe("corrupt");
    const seek = async () =>
      world.fs.lseek(ANYBODY, { handle: file.handle, offset: 5000, to: "data" });
    expect(await kindOfLater(seek())).toBe("corrupt");
    expect(await kindOfLater(file.truncate(5000))).toBe("corrupt");
    const attributes = await world.fs.getattr(ANYBODY, { ino: file.ino });
    expect(attributes.sizeBytes).toBe(100_000);
    const to = await world.create("part");
    const span = { handle: file.handle, offset: 10, toHandle: to.handle, toOffset: 0, length: 10 };
    const copying = async () => world.fs.copyFileRange(ANYBODY, span);
    expect(await kindOfLater(copying())).toBe("corrupt");
  });

  test.each(HARM)("of a blob that %s can be mended by writing the file anew", async (_, harm) => {
    const world = await damaged(harm);
    const file = await world.open("file", { truncate: true });
    await file.write("new");
    file.close();
    await world.sealed("file");
    expect(await world.read("file")).toBe("new");
  });

  test("of a staged content is told once, and wakes nobody every second", async () => {
    const world = new World();
    await world.write("file", LARGE);
    await world.pass(50);
    await world.close();
    const staging = join(world.dataDir, "staging");
    for (const name of readdirSync(staging)) if (/^\d+$/.test(name)) rmSync(join(staging, name));
    const after = new World({ dataDir: world.dataDir, clock: world.clock });
    const file = await after.open("file");
    expect(await kindOfLater(file.read())).toBe("corrupt");
    expect(await kindOfLater(file.write("x"))).toBe("corrupt");
    file.close();
    await after.pass(60_000);
    expect(after.trouble).toHaveLength(1);
    expect(after.clock.waiting).toBe(0);
  });

  test("of a staged content is mended by writing the file anew", async () => {
    const world = new World();
    await world.write("file", LARGE);
    await world.write("other", "text");
    const [id] = world.contents.stagingIds().filter((each) => {
      return world.contents.statStaging(each)?.sizeBytes === 100_000;
    });
    rmSync(join(world.dataDir, "staging", String(id)));
    await world.sealed("other");
    expect(world.trouble).toHaveLength(1);
    const file = await world.open("file", { truncate: true });
    await file.write("new");
    file.close();
    await world.sealed("file");
    expect(await world.read("file")).toBe("new");
  });

  test("of one content holds up none of the others", async () => {
    const world = new World();
    for (let index = 0; index < 20; index++) await world.write(`file ${index}`, `text ${index}`);
    await world.write("bad", LARGE);
    const path = join(world.dataDir, "staging", String(badId(world)));
    rmSync(path);
    // Can't be read: as a bad sector, it fails whatever is done with it.
    mkdirSync(path);
    await world.sealed(...Array.from({ length: 20 }, (_, index) => `file ${index}`));
    expect(world.hash("bad")).toBeUndefined();
  });
});

function sizeOf(directory: string, name: string): number {
  return statSync(join(directory, name)).size;
}

function badId(world: World): StagingId | undefined {
  const isLarge = (id: StagingId) => world.contents.statStaging(id)?.sizeBytes === LARGE.length;
  return world.contents.stagingIds().find(isLarge);
}

/** Seals all that is staged without telling the metadata: as a kill in between leaves it. */
async function sealOnly(world: World): Promise<void> {
  const ids = world.contents.stagingIds();
  const hashes = await world.contents.hash(ids);
  const requests = ids.flatMap((id) => {
    const hash = hashes.get(id);
    const sizeBytes = world.contents.statStaging(id)?.sizeBytes ?? 0;
    return hash === undefined ? [] : [{ id, hash, sizeBytes }];
  });
  world.metadata.announceContents(requests.map((request) => ({ ...request, blocks: 0 })));
  await world.contents.seal(requests);
}
