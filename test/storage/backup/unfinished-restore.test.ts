import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { connect } from "../../../src/sdk/connect.js";
import { runCommand } from "../../cli/run-command.js";
import { backUp, restore } from "../../support/backups.js";
import { problemsIn } from "../../support/data-directory.js";
import { kindOfLater } from "../../support/error-kind.js";
import { WHY_NO_SMALL_DISKS } from "../../support/small-disk.js";
import { testDir } from "../../support/temp-dir.js";
import { World } from "../../vfs/world.js";

const STORE = ["cas", "lock", "metadata.db", "staging"];

let from: string;

/** What a restore leaves that is killed when it has the database, and no content yet. */
async function cutShort({
  whenLeft = () => undefined,
  ...place
}: {
  databasePath?: string;
  whenLeft?: () => void;
} = {}): Promise<string> {
  const [dataDir, left] = [join(testDir(), "new"), join(testDir(), "left")];
  const onPlan = () => {
    cpSync(dataDir, left, { recursive: true });
    // Of a content that was on its way.
    writeFileSync(join(left, "restoring", "17"), "half");
    whenLeft();
    throw new Error("enough");
  };
  await expect(restore(from, { ...place, dataDir, onPlan })).rejects.toThrow();
  return left;
}

beforeEach(async () => {
  const world = new World();
  from = testDir();
  await world.write("file", "text");
  await backUp(world, { to: from });
});

describe("a restore that was cut short", () => {
  test("is done anew by the next one", async () => {
    const dataDir = await cutShort();
    expect(readdirSync(dataDir).sort()).toStrictEqual(["cas", "lock", "restoring", "staging"]);
    await restore(from, { dataDir });
    expect(readdirSync(dataDir).sort()).toStrictEqual(STORE);
    expect(problemsIn(dataDir)).toStrictEqual([]);
    expect(await new World({ dataDir }).read("file")).toBe("text");
  });

  test("is no store to anybody, and whoever opens it hears what to do", async () => {
    const dataDir = await cutShort();
    await expect(connect({ dataDir })).rejects.toMatchObject({
      kind: "corrupt",
      message: expect.stringContaining("run nexus restore again"),
    });
    const backup = ["backup", join(testDir(), "b"), "--data-dir", dataDir];
    const surroundings = { control: async () => undefined };
    expect(await runCommand(backup, { surroundings })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("run nexus restore again"),
    });
    expect(existsSync(join(dataDir, "metadata.db"))).toBe(false);
    await restore(from, { dataDir });
  });

  test("leaves no trace when its database had its name already", async () => {
    const [dataDir, left] = [join(testDir(), "new"), await cutShort()];
    await restore(from, { dataDir });
    renameSync(join(left, "restoring"), join(dataDir, "restoring"));
    expect(await kindOfLater(restore(from, { dataDir }))).toBe("directory-not-empty");
    const client = await connect({ dataDir });
    expect((await client.read("/file")).toString()).toBe("text");
    await client.close();
    expect(existsSync(join(dataDir, "restoring"))).toBe(false);
  });

  test("is recognised from its first moment, and while it is cleared away", async () => {
    const dataDir = testDir();
    mkdirSync(join(dataDir, "restoring"));
    expect(await kindOfLater(connect({ dataDir }))).toBe("corrupt");
    await restore(from, { dataDir });
    const half = await cutShort();
    for (const name of ["cas", "staging"]) rmSync(join(half, name), { recursive: true });
    expect(await kindOfLater(connect({ dataDir: half }))).toBe("corrupt");
    await restore(from, { dataDir: half });
  });

  test("isn't what somebody else has, whatever that is called", async () => {
    const dataDir = testDir();
    for (const name of ["restoring", "cas"]) {
      mkdirSync(join(dataDir, name));
      writeFileSync(join(dataDir, name, "letter.txt"), "mine");
    }
    expect(await kindOfLater(restore(from, { dataDir }))).toBe("directory-not-empty");
    expect(readdirSync(join(dataDir, "restoring"))).toStrictEqual(["letter.txt"]);
    const mixed = await cutShort();
    writeFileSync(join(mixed, "letter.txt"), "mine");
    expect(await kindOfLater(restore(from, { dataDir: mixed }))).toBe("directory-not-empty");
    expect(readdirSync(mixed)).toContain("letter.txt");
  });
});

test.skipIf(WHY_NO_SMALL_DISKS !== undefined)(
  "a restore that fails when its database has its name leaves the store, and says so",
  async () => {
    const dataDir = join(testDir(), "new");
    const stuck = join(dataDir, "restoring", "stuck");
    // What is mounted can't be removed.
    const onPlan = () => {
      mkdirSync(stuck);
      execFileSync("mount", ["-t", "tmpfs", "nexus-test", stuck]);
    };
    try {
      await expect(restore(from, { dataDir, onPlan })).rejects.toMatchObject({
        message: expect.stringContaining(`the store at ${dataDir} is restored`),
      });
    } finally {
      execFileSync("umount", ["--lazy", stuck]);
    }
    const client = await connect({ dataDir });
    expect((await client.read("/file")).toString()).toBe("text");
    await client.close();
    expect(existsSync(join(dataDir, "restoring"))).toBe(false);
    expect(problemsIn(dataDir)).toStrictEqual([]);
  },
);

describe("a store whose settings have its database elsewhere", () => {
  const settings = () => {
    const [base, dataDir] = [testDir(), join(testDir(), "new")];
    const [databasePath, config] = [join(base, "fast", "main.db"), join(base, "nexus.yaml")];
    writeFileSync(config, `db_path: ${databasePath}\n`);
    const nexus = (...args: string[]) =>
      runCommand([...args, "--config", config, "--data-dir", dataDir]);
    return { dataDir, databasePath, nexus };
  };

  test("is restored with it there, so that the same settings find it", async () => {
    const { dataDir, databasePath, nexus } = settings();
    expect(await nexus("restore", from)).toMatchObject({ code: 0, stderr: "" });
    expect(readdirSync(dataDir).sort()).toStrictEqual(["cas", "lock", "staging"]);
    expect(readdirSync(join(databasePath, ".."))).toStrictEqual(["main.db"]);
    const client = await connect({ dataDir, dbPath: databasePath });
    expect((await client.read("/file")).toString()).toBe("text");
    await client.close();
  });

  test.each(["", "-wal"])(
    "takes the place of no other one's database (main.db%s)",
    async (suffix) => {
      const { dataDir, databasePath, nexus } = settings();
      mkdirSync(join(databasePath, ".."));
      writeFileSync(`${databasePath}${suffix}`, "another");
      expect(await nexus("restore", from)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("db_path"),
      });
      expect(existsSync(dataDir)).toBe(false);
      expect(readdirSync(join(databasePath, ".."))).toStrictEqual([`main.db${suffix}`]);
    },
  );

  test("is done anew when its restore was cut short, and leaves nothing beside it when that failed", async () => {
    const databasePath = join(testDir(), "main.db");
    let unfinished: string[] = [];
    const dataDir = await cutShort({
      databasePath,
      whenLeft: () => {
        unfinished = readdirSync(join(databasePath, ".."));
      },
    });
    expect(readdirSync(join(databasePath, ".."))).toStrictEqual([]);
    expect(unfinished).toStrictEqual([expect.stringMatching(/^main\.db\.restoring-/)]);
    for (const name of unfinished) {
      for (const suffix of ["", "-journal"]) {
        writeFileSync(join(databasePath, "..", `${name}${suffix}`), "half");
      }
    }
    await restore(from, { dataDir, databasePath });
    expect(readdirSync(join(databasePath, ".."))).toStrictEqual(["main.db"]);
    expect(readdirSync(dataDir).sort()).toStrictEqual(["cas", "lock", "staging"]);
  });
});
