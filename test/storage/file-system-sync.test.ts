import { closeSync, openSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { syncFileSystem } from "../../src/libc/files.js";
import { BackupDirectory } from "../../src/storage/backup/backup-directory.js";
import { ContentCopier } from "../../src/storage/backup/content-copier.js";
import { Turns } from "../../src/storage/backup/turns.js";
import { FileSystemSync } from "../../src/storage/file-system-sync.js";
import { bytesOfLength } from "../support/bytes.js";
import { kindOfLater } from "../support/error-kind.js";
import { LoopDisk, WHY_NO_LOOP_DISKS } from "../support/loop-disk.js";
import { testDir } from "../support/temp-dir.js";

const MIB = 1024 * 1024;

/** What the disk below said, or what its file system made of that. */
const OF_LOST_BYTES = /^(io-failure|no-space)$/;

/** No journal: its abort would make the whole disk read-only, which nobody overlooks. */
const JOURNALLESS = ["-O", "^has_journal"];

function disposableDisk(): LoopDisk {
  return new LoopDisk({ sizeBytes: 32 * MIB, mkfs: JOURNALLESS });
}

/** sync(1) of another program, which hears of the error, and is the last one to. */
async function syncByAnother(path: string): Promise<void> {
  const fd = openSync(path, "r");
  try {
    expect(await kindOfLater(syncFileSystem(fd))).toMatch(OF_LOST_BYTES);
  } finally {
    closeSync(fd);
  }
}

describe.skipIf(WHY_NO_LOOP_DISKS !== undefined)("a sync of a file system", () => {
  test("fails for bytes that were lost meanwhile, also when another program has heard of it", async () => {
    const disk = disposableDisk();
    const sync = new FileSystemSync(disk.path);
    onTestFinished(() => sync.close());
    await sync.all();
    disk.break();
    writeFiles(disk.path);
    await syncByAnother(disk.path);
    disk.mend();
    expect(await kindOfLater(sync.all())).toMatch(OF_LOST_BYTES);
    expect(await kindOfLater(sync.all())).toBeUndefined();
  });

  test("fails a backup whose contents were lost so", async () => {
    const disk = disposableDisk();
    const directory = await BackupDirectory.openToWrite(join(disk.path, "backups"));
    const { layout } = directory;
    const copier = new ContentCopier({
      ...{ layout, incomingDirectory: layout.incomingDirectory, namesAre: "trusted" },
      turns: new Turns(new AbortController().signal),
      onBytes: () => undefined,
    });
    onTestFinished(() => {
      copier.close();
      directory.close();
    });
    disk.break();
    for (let file = 0; file < 20; file++) await copier.copyBytes(bytesOfLength(60_000, file + 1));
    await syncByAnother(disk.path);
    disk.mend();
    expect(await kindOfLater(copier.finish())).toMatch(OF_LOST_BYTES);
    expect(readdirSync(layout.casDirectory)).toStrictEqual([]);
  });

  test("is of the file system that is there, when another one has come to its place", async () => {
    const [disk, path] = [disposableDisk(), join(testDir(), "cas")];
    symlinkSync(testDir(), path);
    const sync = new FileSystemSync(path);
    onTestFinished(() => sync.close());
    await sync.all();
    rmSync(path);
    symlinkSync(disk.path, path);
    disk.break();
    writeFiles(path);
    expect(await kindOfLater(sync.all())).toMatch(OF_LOST_BYTES);
  });
});

test("a sync of a file system keeps one descriptor, and gives it back", async () => {
  const [path, before] = [testDir(), descriptors()];
  const sync = new FileSystemSync(path);
  for (let time = 0; time < 3; time++) await sync.all();
  expect(descriptors()).toBe(before + 1);
  sync.close();
  expect(descriptors()).toBe(before);
});

function descriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

function writeFiles(directory: string): void {
  for (let file = 0; file < 20; file++) {
    writeFileSync(join(directory, `f${file}`), bytesOfLength(60_000, file + 1));
  }
}
