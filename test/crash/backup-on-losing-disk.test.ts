import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NexusError } from "../../src/model/errors.js";
import { connect } from "../../src/sdk/connect.js";
import { backUp, restore } from "../support/backups.js";
import { bytesOfLength } from "../support/bytes.js";
import { blob } from "../support/checked-store.js";
import { whyNoMounts } from "../support/daemon.js";
import { problemsIn } from "../support/data-directory.js";
import { kindOfLater } from "../support/error-kind.js";
import { PowerDisk } from "../support/power/power-disk.js";
import { testDir } from "../support/temp-dir.js";
import { World } from "../vfs/world.js";

// On a disk that keeps what was synced, and nothing else; it has no symlinks, and no syncfs(2) reaches it.

/** More than are synced one by one where syncfs(2) does it. */
const FILES = 20;

async function worldOfFiles(): Promise<World> {
  const world = new World();
  for (let index = 0; index < FILES; index++) {
    await world.write(`f${index}`, bytesOfLength(5000, index + 1));
  }
  return world;
}

async function expectWhole(dataDir: string): Promise<void> {
  expect(problemsIn(dataDir)).toStrictEqual([]);
  const back = new World({ dataDir });
  for (let index = 0; index < FILES; index++) {
    expect(await back.read(`f${index}`)).toBe(
      Buffer.from(bytesOfLength(5000, index + 1)).toString(),
    );
  }
  await back.close();
}

describe.skipIf(whyNoMounts() !== undefined)("after a power failure", () => {
  let disk: PowerDisk;
  let directories = 0;
  const place = () => join(disk.path, `place ${++directories}`);
  beforeAll(async () => {
    disk = await PowerDisk.start();
  });
  afterAll(async () => await disk.remove());

  test("a snapshot that was finished is whole, and the next run goes on from it", async () => {
    const [world, to] = [await worldOfFiles(), place()];
    const { snapshot } = await backUp(world, { to });
    await disk.losePower({ mode: "nothing", seed: 1 });
    const { dataDir, damaged } = await restore(to, { snapshot });
    expect(damaged).toStrictEqual([]);
    await expectWhole(dataDir);
    await world.write("later", "text");
    const { copied, removed } = await backUp(world, { to, keep: 1 });
    expect(copied.contents).toBe(1);
    expect(removed?.snapshots).toBe(1);
    await disk.losePower({ mode: "nothing", seed: 2 });
    await expectWhole((await restore(to)).dataDir);
  });

  test("a snapshot has what a run before it that was cut short had copied", async () => {
    const [world, to] = [await worldOfFiles(), place()];
    const large = await world.create("large", bytesOfLength(100_000));
    const controller = new AbortController();
    const stopped = backUp(world, {
      ...{ to, signal: controller.signal },
      // The large one has its name by then, if not more, and not all directories were synced.
      onPlan: () => controller.abort(new NexusError("interrupted", "enough")),
    });
    expect(await kindOfLater(stopped)).toBe("interrupted");
    await backUp(world, { to });
    await disk.losePower({ mode: "nothing", seed: 1 });
    const { dataDir, damaged } = await restore(to);
    expect(damaged).toStrictEqual([]);
    await expectWhole(dataDir);
    large.close();
  });

  test("what a run before it had copied isn't taken for swept, if it was cut short", async () => {
    const [world, to] = [new World(), place()];
    await world.write("file", "text");
    await backUp(world, { to, keep: 1 });
    const open = await world.create("gone", "needless");
    const stopped = backUp(world, {
      to,
      // All contents are durable by then.
      wrap: (source) => ({
        ...source,
        letGo: () => {
          throw new NexusError("interrupted", "enough");
        },
      }),
    });
    expect(await kindOfLater(stopped)).toBe("interrupted");
    open.close();
    await world.unlink("gone");
    await disk.losePower({ mode: "nothing", seed: 1 });
    expect(existsSync(blob(to, "needless"))).toBe(true);
    expect((await backUp(world, { to, keep: 9 })).removed).toMatchObject({ contents: 1 });
  });

  test("a store that was restored is whole", async () => {
    const [world, to, dataDir] = [await worldOfFiles(), testDir(), place()];
    await backUp(world, { to });
    await restore(to, { dataDir });
    await disk.losePower({ mode: "nothing", seed: 1 });
    await expectWhole(dataDir);
  });

  test("a store that was restored is whole where its database has directories of its own, which weren't there", async () => {
    const [world, to, base] = [await worldOfFiles(), testDir(), place()];
    await backUp(world, { to });
    const [dataDir, databasePath] = [join(base, "data"), join(base, "fast", "disk", "main.db")];
    await restore(to, { dataDir, databasePath });
    await disk.losePower({ mode: "nothing", seed: 1 });
    const client = await connect({ dataDir, dbPath: databasePath });
    for (let index = 0; index < FILES; index++) {
      const bytes = await client.read(`/f${index}`);
      expect(bytes.equals(bytesOfLength(5000, index + 1))).toBe(true);
    }
    await client.close();
  });

  test("nothing is restored where the database's directory can't be synced, which shows before anything is copied", async () => {
    const [world, to, base] = [await worldOfFiles(), testDir(), place()];
    await backUp(world, { to });
    const dataDir = join(testDir(), "data");
    mkdirSync(base);
    await disk.fail(["fsync"]);
    try {
      let isCopying = false;
      const onPlan = () => {
        isCopying = true;
      };
      const restored = restore(to, { dataDir, databasePath: join(base, "main.db"), onPlan });
      expect(await kindOfLater(restored)).toBe("io-failure");
      expect(isCopying).toBe(false);
    } finally {
      await disk.fail([]);
    }
    expect([existsSync(dataDir), readdirSync(base)]).toStrictEqual([false, []]);
  });

  test("a new store has the directories that were made for it", async () => {
    const base = place();
    const [dataDir, dbPath] = [join(base, "data"), join(base, "fast", "disk", "main.db")];
    const client = await connect({ dataDir, dbPath });
    await client.close();
    await disk.losePower({ mode: "nothing", seed: 1 });
    expect([existsSync(dataDir), existsSync(dirname(dbPath))]).toStrictEqual([true, true]);
  });
});
