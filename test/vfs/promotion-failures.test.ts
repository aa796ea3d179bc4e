import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { NexusError } from "../../src/model/errors.js";
import type { Ino, StagingId } from "../../src/model/ids.js";
import { whenReady } from "../../src/model/maybe-promise.js";
import type { ContentStore } from "../../src/storage/content/content-store.js";
import { layoutOf } from "../../src/storage/content/local/layout.js";
import { LocalContentStore } from "../../src/storage/content/local/local-content-store.js";
import { WorkerContentJobs } from "../../src/storage/content/local/worker-content-jobs.js";
import { bytesOfLength } from "../support/bytes.js";
import { kindOfLater } from "../support/error-kind.js";
import { FakeClock } from "../support/fake-clock.js";
import { silentLogger } from "../support/silent-logger.js";
import { SmallDisk, WHY_NO_SMALL_DISKS } from "../support/small-disk.js";
import { testDir } from "../support/temp-dir.js";
import { ANYBODY, World } from "./world.js";

const WORKER = new URL("../../src/storage/content/local/content-jobs-worker.ts", import.meta.url);
const RUNNER = new URL("../support/typescript-thread.mjs", import.meta.url);

describe("when the thread of the content jobs dies", () => {
  test("what was staged is sealed by the next one", async () => {
    const clock = new FakeClock();
    const dataDir = testDir();
    const layout = layoutOf(dataDir);
    const threads: Worker[] = [];
    const startThread = () => {
      const workerData = { source: WORKER.href, contentLayout: layout };
      const thread = new Worker(RUNNER, { workerData, execArgv: [] });
      threads.push(thread);
      return thread;
    };
    const jobs = new WorkerContentJobs({ startThread, clock, logger: silentLogger });
    const wrapContents = () => new LocalContentStore({ layout, jobs, clock });
    const world = new World({ dataDir, clock, wrapContents });
    for (const name of ["a", "b", "c"]) await world.write(name, `text of ${name}`);
    world.clock.advance(1100);
    await threads[0]?.terminate();
    await world.until(() => ["a", "b", "c"].every((name) => world.hash(name) !== undefined));
    expect(threads).toHaveLength(2);
    expect(await world.read("b")).toBe("text of b");
  });
});

/** Hashes nothing of what `isBad` says. */
function failing(isBad: (ids: readonly StagingId[]) => boolean) {
  return (store: ContentStore): ContentStore => {
    const hash = store.hash.bind(store);
    return Object.assign(store, {
      hash: async (ids: readonly StagingId[]) => {
        if (isBad(ids)) throw new NexusError("io-failure", "bad disk");
        return await hash(ids);
      },
    });
  };
}

describe("when a content can't be sealed", () => {
  test("all others are, it is readable, and is tried again", async () => {
    let bad: StagingId | undefined;
    const tried: number[] = [];
    const wrapContents = failing((ids) => {
      tried.push(ids.length);
      return bad !== undefined && ids.includes(bad);
    });
    const world = new World({ wrapContents });
    const names = Array.from({ length: 64 }, (_, index) => `file ${index}`);
    for (const name of names) await world.write(name, `text of ${name}`);
    bad = world.contents.stagingIds()[20];
    const others = names.filter((_, index) => index !== 20);
    await world.sealed(...others);
    expect(world.hash("file 20")).toBeUndefined();
    expect(await world.read("file 20")).toBe("text of file 20");
    // Halves of halves, not one by one.
    expect(tried.length).toBeLessThan(16);
    expect(world.trouble).toHaveLength(1);
    bad = undefined;
    await world.pass(9000);
    expect(world.hash("file 20")).toBeUndefined();
    world.clock.advance(1100);
    await world.until(() => world.hash("file 20") !== undefined);
  });

  test.each([
    { what: "many", count: 600, sizeBytes: 4 },
    { what: "so many that none shall wait", count: 6, sizeBytes: 200 * 1024 * 1024 },
  ])("because the disk is full, one try at a time does for $what", async ({ count, sizeBytes }) => {
    let isFull = true;
    let tries = 0;
    const fail = (store: ContentStore) => {
      const hash = store.hash.bind(store);
      return Object.assign(store, {
        hash: async (ids: readonly StagingId[]) => {
          tries += 1;
          if (isFull) throw new NexusError("no-space", "full");
          return await hash(ids);
        },
      });
    };
    const world = new World({ wrapContents: fail });
    const names = Array.from({ length: count }, (_, index) => `file ${index}`);
    for (const name of names) {
      const file = await world.create(name, name);
      await world.fs.setattr(ANYBODY, { ino: file.ino, sizeBytes });
      file.close();
      await world.pass(1);
    }
    for (let second = 0; second < 29; second++) await world.pass(1000);
    expect(tries).toBe(3);
    expect(world.trouble).toHaveLength(3);
    isFull = false;
    await world.pass(2000);
    await world.until(() => names.some((name) => world.hash(name) !== undefined));
  });

  test("whoever asked for its hash hears of it, and nobody who asked for another", async () => {
    let bad: StagingId | undefined;
    const wrapContents = failing((ids) => bad !== undefined && ids.includes(bad));
    const world = new World({ wrapContents });
    const names = Array.from({ length: 8 }, (_, index) => `file ${index}`);
    const inos: Ino[] = [];
    for (const name of names) inos.push(await world.write(name, `text of ${name}`));
    for (const name of names) world.lookup(name);
    bad = world.contents.stagingIds()[5];
    const outcomes = await Promise.all(
      inos.map((ino) => kindOfLater(world.attribute(ino, "etag"))),
    );
    expect(outcomes).toStrictEqual(
      names.map((_, index) => (index === 5 ? "io-failure" : undefined)),
    );
    expect(names.map((name) => world.hash(name) !== undefined)).toStrictEqual(
      names.map((_, index) => index !== 5),
    );
  });

  test("because there is no room, whoever asked for its hash hears of it", async () => {
    let fails = true;
    const fail = (store: ContentStore) => {
      const seal = store.seal.bind(store);
      return Object.assign(store, {
        seal: async (requests: Parameters<typeof seal>[0]) => {
          if (fails) throw new NexusError("no-space", "full");
          return await seal(requests);
        },
      });
    };
    const world = new World({ wrapContents: fail });
    const ino = await world.write("file", "text");
    world.lookup("file");
    expect(await kindOfLater(world.attribute(ino, "etag"))).toBe("no-space");
    fails = false;
    expect(await world.attribute(ino, "etag")).toBe(world.hash("file"));
  });
});

test("a truncate by name that fails leaves nothing staged for long", async () => {
  let fails = false;
  const world = new World({
    wrapContents: (store) => {
      const copyUp = store.copyUp.bind(store);
      return Object.assign(store, {
        copyUp: (request: Parameters<typeof copyUp>[0]) =>
          whenReady(copyUp(request), (file) => {
            const truncate = file.truncate.bind(file);
            return Object.assign(file, {
              truncate: (sizeBytes: number) => {
                if (fails) throw new NexusError("io-failure", "bad disk");
                truncate(sizeBytes);
              },
            });
          }),
      });
    },
  });
  await world.write("file", "some text");
  await world.sealed("file");
  const ino = world.lookup("file");
  fails = true;
  const truncating = (async () => world.fs.setattr(ANYBODY, { ino, sizeBytes: 100 }))();
  expect(await kindOfLater(truncating)).toBe("io-failure");
  await world.pass(1100);
  await world.until(() => world.metadata.stagedContents().length === 0);
  expect(await world.read("file")).toBe("some text");
});

describe.skipIf(WHY_NO_SMALL_DISKS !== undefined)(
  `on a full disk (${WHY_NO_SMALL_DISKS ?? "a tmpfs"})`,
  () => {
    test("writes fail, reads don't, and all is sealed when there is room", async () => {
      const disk = new SmallDisk({ sizeBytes: 8 * 1024 * 1024 });
      const world = new World({ dataDir: disk.path });
      const file = await world.create("file", bytesOfLength(200_000));
      await world.write("small", "small");
      await world.pass(100);
      disk.fill();
      const writing = file.write(bytesOfLength(500_000), 200_000);
      expect(await kindOfLater(writing)).toBe("no-space");
      expect(await world.read("small")).toBe("small");
      file.close();
      await world.pass(3000);
      expect(await world.read("file")).not.toBe("");
      disk.free();
      // However long the last failure takes to be told, time goes on past its next try.
      const isSealed = async () => {
        await world.pass(11_000);
        return ["small", "file"].every((name) => world.hash(name) !== undefined);
      };
      await expect.poll(isSealed, { interval: 20, timeout: 10_000 }).toBe(true);
      expect(await world.read("small")).toBe("small");
    });
  },
);
