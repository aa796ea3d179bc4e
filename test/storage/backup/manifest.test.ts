import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { listSnapshots } from "../../../src/sdk/restore.js";
import { BackupDirectory } from "../../../src/storage/backup/backup-directory.js";
import { actAs } from "../../conformance/thread-credentials.js";
import { backUp } from "../../support/backups.js";
import { testDir } from "../../support/temp-dir.js";
import { World } from "../../vfs/world.js";

let backups: string;

beforeEach(async () => {
  const world = new World();
  backups = testDir();
  await world.write("file", "text");
  await backUp(world, { to: backups });
  await world.close();
});

test("a file is no directory of backups, and everybody says so", async () => {
  const path = join(testDir(), "file");
  writeFileSync(path, "");
  const because = { kind: "not-a-directory", message: `${path} is not a directory` };
  await expect(BackupDirectory.openToWrite(path)).rejects.toMatchObject(because);
  await expect(BackupDirectory.openToPrune(path)).rejects.toMatchObject(because);
  await expect(listSnapshots(path)).rejects.toMatchObject(because);
});

describe("a directory in the place of the manifest", () => {
  beforeEach(() => {
    rmSync(join(backups, "backup.json"));
    mkdirSync(join(backups, "backup.json"));
  });

  test("hides no snapshots", async () => {
    expect((await listSnapshots(backups)).readable).toHaveLength(1);
  });

  test("is named, with what to do about it, where nothing else says whose backups these are", async () => {
    rmSync(join(backups, "snapshots"), { recursive: true });
    await expect(listSnapshots(backups)).rejects.toMatchObject({
      kind: "corrupt",
      message: `${join(backups, "backup.json")} is a directory, where nexus backup has a file; move it away`,
    });
  });
});

describe.skipIf(process.getuid?.() !== 0)("somebody else's directory of backups", () => {
  const as = { uid: 12345, gid: 12345 };

  test.each([
    { mode: 0o700, whose: "" },
    { mode: 0o755, whose: "/backup.json" },
  ])("is said to be theirs by what can't be read of it (mode $mode)", async ({ mode, whose }) => {
    chmodSync(backups, mode);
    await expect(actAs(as, () => listSnapshots(backups))).rejects.toMatchObject({
      kind: "access-denied",
      message: `read ${backups}/backup.json: permission denied (EACCES), as ${backups}${whose} belongs to another user (uid 0): do it as that user`,
    });
  });

  test("is said to be theirs by who can't lock it", async () => {
    chmodSync(backups, 0o755);
    chmodSync(join(backups, "backup.json"), 0o644);
    await expect(actAs(as, () => BackupDirectory.openToPrune(backups))).rejects.toMatchObject({
      kind: "access-denied",
      message: `the directory of backups ${backups} can't be used, as it belongs to another user (uid 0): permission denied; choose another directory`,
    });
  });
});
