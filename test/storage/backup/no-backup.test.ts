import {
  cpSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { connect } from "../../../src/sdk/connect.js";
import { requireNoBackup } from "../../../src/storage/backup/no-backup.js";
import { runCommand } from "../../cli/run-command.js";
import { backUp } from "../../support/backups.js";
import { kindOf } from "../../support/error-kind.js";
import { testDir } from "../../support/temp-dir.js";
import { World } from "../../vfs/world.js";

let backups: string;
let snapshot: string;

beforeEach(async () => {
  const world = new World();
  backups = testDir();
  await world.write("file", "text");
  const { snapshot: id } = await backUp(world, { to: backups });
  await backUp(world, { to: backups });
  await world.close();
  snapshot = join(backups, "snapshots", id);
});

/** With the database where it is by default, unless that is said. */
function opening(dataDir: string, databasePath = join(dataDir, "metadata.db")) {
  return kindOf(() => requireNoBackup({ dataDir, databasePath }));
}

function loseManifests(): void {
  for (const each of [
    backups,
    ...readdirSync(dirname(snapshot)).map((id) => join(snapshot, "..", id)),
  ])
    rmSync(join(each, "backup.json"), { force: true });
}

function contents(): string[] {
  return readdirSync(join(backups, "cas"), { recursive: true, encoding: "utf8" }).sort();
}

describe("a snapshot without its manifest", () => {
  beforeEach(() => rmSync(join(snapshot, "backup.json")));

  test("is opened by nothing, and the contents that it shares stay", async () => {
    const before = contents();
    const because = "which using it would change: nexus restore makes a store of it";
    await expect(connect({ dataDir: snapshot })).rejects.toMatchObject({
      kind: "not-supported",
      message: expect.stringContaining(because),
    });
    const surroundings = { control: async () => undefined };
    for (const words of [["fsck"], ["fsck", "--repair"], ["gc", "--force"]]) {
      const { code, stderr } = await runCommand([...words, "--data-dir", snapshot], {
        surroundings,
      });
      expect({ words, code }).toStrictEqual({ words, code: 1 });
      expect(stderr).toContain(because);
    }
    expect(contents()).toStrictEqual(before);
  });

  test("isn't opened where no manifest is left at all", () => {
    loseManifests();
    expect(opening(snapshot)).toBe("not-supported");
    expect(opening(backups)).toBe("not-supported");
  });

  test("isn't opened through a link, nor elsewhere while its contents are those of the backups", () => {
    const link = join(testDir(), "link");
    symlinkSync(snapshot, link);
    expect(opening(link)).toBe("not-supported");
    const beside = join(backups, "old", "2025");
    cpSync(snapshot, beside, { recursive: true, verbatimSymlinks: true });
    expect(opening(beside)).toBe("not-supported");
    const elsewhere = join(testDir(), "store");
    cpSync(snapshot, elsewhere, { recursive: true, filter: (path) => !path.endsWith("cas") });
    symlinkSync(join(snapshot, "cas"), join(elsewhere, "cas"));
    expect(opening(elsewhere)).toBe("not-supported");
    loseManifests();
    expect(opening(elsewhere)).toBe("not-supported");
  });

  test("isn't opened where its file system has no symlinks either", () => {
    for (const id of readdirSync(dirname(snapshot))) rmSync(join(snapshot, "..", id, "cas"));
    expect(opening(snapshot)).toBe("not-supported");
    loseManifests();
    expect(opening(snapshot)).toBe("not-supported");
  });

  test("lends its database to no other store", () => {
    const database = join(snapshot, "metadata.db");
    expect(opening(testDir(), database)).toBe("not-supported");
    const dataDir = testDir();
    symlinkSync(database, join(dataDir, "metadata.db"));
    expect(opening(dataDir)).toBe("not-supported");
  });
});

describe("what is no backup", () => {
  test("is a copy of a snapshot, links followed, without its manifest, wherever it is", () => {
    for (const copy of [join(testDir(), "copy"), join(backups, "snapshots", "mine")]) {
      cpSync(snapshot, copy, { recursive: true, dereference: true });
      rmSync(join(copy, "backup.json"));
      expect(opening(copy)).toBe(undefined);
    }
    const above = testDir();
    cpSync(join(backups, "snapshots", "mine"), join(above, "snapshots", "mine"), {
      recursive: true,
    });
    expect(opening(above)).toBe(undefined);
  });

  test("is a store whose contents lie on another disk, or one that has snapshots of itself", () => {
    const [dataDir, disk] = [testDir(), testDir()];
    cpSync(join(snapshot, "metadata.db"), join(dataDir, "metadata.db"));
    renameSync(join(backups, "cas"), join(disk, "cas"));
    symlinkSync(join(disk, "cas"), join(dataDir, "cas"));
    expect(opening(dataDir)).toBe(undefined);
    const own = join(dataDir, "snapshots", "monday");
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, "metadata.db"), "");
    symlinkSync(join(disk, "cas"), join(own, "cas"));
    expect(opening(dataDir)).toBe(undefined);
  });

  test("is what isn't there yet, or is no directory", () => {
    const base = testDir();
    writeFileSync(join(base, "file"), "");
    expect(opening(join(base, "new", "store"))).toBe(undefined);
    expect(opening(join(base, "file"))).toBe(undefined);
  });
});
