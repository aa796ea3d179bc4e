import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { connect } from "../../../src/sdk/connect.js";
import { writeMarker } from "../../../src/storage/backup/restore-marker.js";
import { backUp, restore } from "../../support/backups.js";
import { kindOfLater } from "../../support/error-kind.js";
import { testDir } from "../../support/temp-dir.js";
import { World } from "../../vfs/world.js";

// Restoring with the database elsewhere than in the data directory itself: other stores may have theirs there.

let from: string;

beforeEach(async () => {
  const world = new World();
  from = testDir();
  await world.write("file", "text");
  await backUp(world, { to: from });
  await world.close();
});

const ENOUGH = new Error("enough");

async function textIn(dataDir: string, { dbPath }: { dbPath: string }): Promise<string> {
  const client = await connect({ dataDir, dbPath });
  try {
    return (await client.read("/file")).toString();
  } finally {
    await client.close();
  }
}

describe("the name of the database", () => {
  let dataDir: string;
  let databasePath: string;

  beforeEach(() => {
    dataDir = join(testDir(), "new");
    databasePath = join(testDir(), "main.db");
  });

  test("is given to one of several restores, and the others leave nothing", async () => {
    const other = join(testDir(), "other");
    const onPlan = async () => {
      await restore(from, { dataDir: other, databasePath });
    };
    await expect(restore(from, { dataDir, databasePath, onPlan })).rejects.toMatchObject({
      kind: "already-exists",
      message: expect.stringContaining("the setting db_path"),
    });
    expect(existsSync(dataDir)).toBe(false);
    expect(readdirSync(dirname(databasePath))).toStrictEqual(["main.db"]);
    expect(await textIn(other, { dbPath: databasePath })).toBe("text");
  });

  test("isn't taken from a store that has come meanwhile", async () => {
    const other = testDir();
    const onPlan = async () => {
      const client = await connect({ dataDir: other, dbPath: databasePath });
      await client.write("/file", "precious");
      await client.close();
    };
    const restoring = restore(from, { dataDir, databasePath, onPlan });
    expect(await kindOfLater(restoring)).toBe("already-exists");
    expect(existsSync(dataDir)).toBe(false);
    expect(await textIn(other, { dbPath: databasePath })).toBe("precious");
  });

  test.each(["-wal", "-shm", "-journal"])(
    "isn't given beside a %s that has come meanwhile",
    async (suffix) => {
      const onPlan = () => writeFileSync(`${databasePath}${suffix}`, "another");
      const restoring = restore(from, { dataDir, databasePath, onPlan });
      expect(await kindOfLater(restoring)).toBe("already-exists");
      expect(readdirSync(dirname(databasePath))).toStrictEqual([`main.db${suffix}`]);
    },
  );

  test("is no other store's for one that was killed before it had it", async () => {
    const unfinishedDatabase = `${databasePath}.restoring-1`;
    mkdirSync(join(dataDir, "restoring"), { recursive: true });
    writeMarker(dataDir, { unfinishedDatabase, madeDirectories: [] });
    writeFileSync(unfinishedDatabase, "half");
    const other = testDir();
    await restore(from, { dataDir: join(other, "store"), databasePath });
    expect(await kindOfLater(connect({ dataDir, dbPath: databasePath }))).toBe("corrupt");
    expect(await kindOfLater(restore(from, { dataDir, databasePath }))).toBe("already-exists");
    await restore(from, { dataDir, databasePath: join(other, "main.db") });
    expect(readdirSync(dirname(databasePath))).toStrictEqual(["main.db"]);
  });

  test("is the only one after a kill between taking it and leaving the other one", async () => {
    await restore(from, { dataDir, databasePath });
    const unfinishedDatabase = `${databasePath}.restoring-1`;
    mkdirSync(join(dataDir, "restoring"));
    writeMarker(dataDir, { unfinishedDatabase, madeDirectories: [] });
    linkSync(databasePath, unfinishedDatabase);
    expect(await textIn(dataDir, { dbPath: databasePath })).toBe("text");
    expect(readdirSync(dirname(databasePath))).not.toContain("main.db.restoring-1");
    expect(existsSync(join(dataDir, "restoring"))).toBe(false);
  });
});

describe("a database below the data directory", () => {
  const placeIn = (dataDir: string) => ({
    dataDir,
    databasePath: join(dataDir, "on", "ssd", "main.db"),
  });

  /** What is left of a restore that is killed when it has the database. */
  async function cutShort(): Promise<string> {
    const [dataDir, left] = [join(testDir(), "new"), join(testDir(), "left")];
    const onPlan = () => {
      cpSync(dataDir, left, { recursive: true });
      throw ENOUGH;
    };
    await expect(restore(from, { ...placeIn(dataDir), onPlan })).rejects.toThrow();
    return left;
  }

  test("is restored anew when that was cut short, wherever what is left was moved", async () => {
    const dataDir = await cutShort();
    const place = placeIn(dataDir);
    expect(readdirSync(dirname(place.databasePath))).toHaveLength(1);
    expect(await kindOfLater(connect({ dataDir, dbPath: place.databasePath }))).toBe("corrupt");
    await restore(from, place);
    expect(readdirSync(dirname(place.databasePath))).toStrictEqual(["main.db"]);
    expect(await textIn(dataDir, { dbPath: place.databasePath })).toBe("text");
    expect(await kindOfLater(restore(from, place))).toBe("already-exists");
  });

  test("leaves a directory that was there as it was when its restore fails", async () => {
    const dataDir = testDir();
    const onPlan = () => {
      throw ENOUGH;
    };
    await expect(restore(from, { ...placeIn(dataDir), onPlan })).rejects.toThrow();
    expect(readdirSync(dataDir)).toStrictEqual([]);
  });

  test.each(["on/letter.txt", "on/ssd/letter.txt", "cas/letter.txt", "staging/letter.txt"])(
    "takes nothing away that somebody else has put there since (%s)",
    async (name) => {
      const dataDir = await cutShort();
      writeFileSync(join(dataDir, name), "mine");
      expect(await kindOfLater(restore(from, placeIn(dataDir)))).toBe("directory-not-empty");
      expect(existsSync(join(dataDir, name))).toBe(true);
    },
  );
});

test("a data directory has one place, whatever path leads there", async () => {
  const [base, left] = [testDir(), testDir()];
  const [real, link] = [join(base, "real"), join(base, "link")];
  mkdirSync(real);
  symlinkSync("real", link);
  const place = { dataDir: link, databasePath: join(real, "metadata.db") };
  const onPlan = () => {
    cpSync(real, left, { recursive: true });
    throw ENOUGH;
  };
  await expect(restore(from, { ...place, onPlan })).rejects.toThrow();
  expect(readdirSync(real)).toStrictEqual([]);
  // As if that had been a kill.
  cpSync(left, real, { recursive: true });
  await restore(from, place);
  expect(readdirSync(real).sort()).toStrictEqual(["cas", "lock", "metadata.db", "staging"]);
  expect(await kindOfLater(restore(from, place))).toBe("directory-not-empty");
});

test("a restore that fails leaves no directory that it has made, but those where somebody has put something", async () => {
  const base = testDir();
  const dataDir = join(base, "a", "b");
  const place = { dataDir, databasePath: join(base, "c", "d", "main.db") };
  let note = (): void => undefined;
  const onPlan = () => {
    note();
    throw ENOUGH;
  };
  await expect(restore(from, { ...place, onPlan })).rejects.toThrow();
  expect(readdirSync(base)).toStrictEqual([]);
  note = () => {
    for (const path of [dataDir, dirname(place.databasePath)])
      writeFileSync(join(path, "letter.txt"), "mine");
  };
  await expect(restore(from, { ...place, onPlan })).rejects.toThrow();
  expect(readdirSync(dataDir)).toStrictEqual(["letter.txt"]);
  expect(readdirSync(dirname(place.databasePath))).toStrictEqual(["letter.txt"]);
});
