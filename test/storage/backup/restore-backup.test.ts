import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { requireNoBackup } from "../../../src/storage/backup/no-backup.js";
import { DataDirLock } from "../../../src/storage/data-dir-lock.js";
import { backUp, restore } from "../../support/backups.js";
import { afterKill } from "../../support/crash.js";
import { hashOf, problemsIn } from "../../support/data-directory.js";
import { kindOf, kindOfLater } from "../../support/error-kind.js";
import { openMetadataStore } from "../../support/stores.js";
import { testDir } from "../../support/temp-dir.js";
import { World } from "../../vfs/world.js";

/** A store with one file, and a backup of it. */
async function backedUp(): Promise<{ world: World; from: string; snapshot: string }> {
  const [world, from] = [new World(), testDir()];
  await world.write("file", "text");
  const { snapshot } = await backUp(world, { to: from });
  return { world, from, snapshot };
}

describe("restoring", () => {
  test("needs a directory that is empty, or isn't there", async () => {
    const { from } = await backedUp();
    const dataDir = testDir();
    writeFileSync(join(dataDir, "mine"), "");
    expect(await kindOfLater(restore(from, { dataDir }))).toBe("directory-not-empty");
    expect(readdirSync(dataDir)).toStrictEqual(["mine"]);
    const fresh = testDir();
    mkdirSync(join(fresh, "lost+found"));
    await restore(from, { dataDir: fresh });
    expect(readdirSync(fresh).sort()).toStrictEqual([
      "cas",
      "lock",
      "lost+found",
      "metadata.db",
      "staging",
    ]);
  });

  test("waits for nobody who has the directory", async () => {
    const { from } = await backedUp();
    const dataDir = testDir();
    const holder = { pid: process.pid };
    const patience = { waitMs: 0, isFinishing: () => false, onWait: () => undefined };
    const lock = await DataDirLock.acquire({ dataDir, holder, ...patience });
    expect(await kindOfLater(restore(from, { dataDir }))).toBe("in-use");
    lock.release();
  });

  test("gives the snapshot that is asked for, and knows those that there are", async () => {
    const { world, from, snapshot } = await backedUp();
    await world.write("later", "text");
    await backUp(world, { to: from });
    const { dataDir } = await restore(from, { snapshot });
    expect(() => new World({ dataDir }).lookup("later")).toThrow();
    expect(await kindOfLater(restore(from, { snapshot: "2001" }))).toBe("not-found");
    expect(await kindOfLater(restore(testDir()))).toBe("not-found");
  });

  test("leaves nothing when the snapshot's database isn't as it was written", async () => {
    const { from, snapshot } = await backedUp();
    writeFileSync(join(from, "snapshots", snapshot, "metadata.db"), "junk");
    const [dataDir, there] = [join(testDir(), "new"), testDir()];
    expect(await kindOfLater(restore(from, { dataDir }))).toBe("corrupt");
    expect(existsSync(dataDir)).toBe(false);
    expect(await kindOfLater(restore(from, { dataDir: there }))).toBe("corrupt");
    expect(readdirSync(there)).toStrictEqual([]);
  });

  test("gives no file other bytes than it had", async () => {
    const { world, from } = await backedUp();
    await world.write("good", "good");
    await backUp(world, { to: from });
    const hash = hashOf("text");
    const blob = join(from, "cas", hash.slice(0, 2), hash.slice(2, 4), hash);
    chmodSync(blob, 0o644);
    writeFileSync(blob, "tex7");
    const { dataDir, damaged } = await restore(from);
    expect(damaged).toStrictEqual([{ problem: "damaged", hash, paths: ["/file"] }]);
    expect(problemsIn(dataDir)).toStrictEqual([`${hash} is missing`]);
    const back = new World({ dataDir });
    expect(await back.read("good")).toBe("good");
    expect(await kindOfLater(back.read("file"))).toBe("corrupt");
  });

  test("makes a store on which no journal of the old one is replayed", async () => {
    const [world, from] = [new World(), testDir()];
    await world.write("file", "text");
    await backUp(world, { to: from });
    // Of the very batch that the snapshot's database would take next.
    await world.unlink("file");
    const old = afterKill(world.dataDir);
    const { dataDir } = await restore(from);
    cpSync(join(old, "metadata.journal"), join(dataDir, "metadata.journal"));
    expect(await new World({ dataDir }).read("file")).toBe("text");
  });

  test("makes another store to who watched the old one, each time", async () => {
    const { from, world } = await backedUp();
    const idOf = async (dataDir: string) => {
      const store = openMetadataStore(dataDir);
      const end = store.changes.watchChanges(() => undefined);
      const { store: id } = store.changes.newestChange();
      end();
      await store.close();
      return id;
    };
    const ids = [(await restore(from)).dataDir, (await restore(from)).dataDir].map(idOf);
    const end = world.metadata.changes.watchChanges(() => undefined);
    const all = [...(await Promise.all(ids)), world.metadata.changes.newestChange().store];
    end();
    expect(new Set(all).size).toBe(3);
  });
});

describe("a directory of backups", () => {
  test("is opened as a store by nobody, nor is a snapshot; a copy of one without its manifest is one", async () => {
    const { from, snapshot } = await backedUp();
    const path = join(from, "snapshots", snapshot);
    const open = (dataDir: string) =>
      requireNoBackup({ dataDir, databasePath: join(dataDir, "metadata.db") });
    expect(kindOf(() => open(from))).toBe("not-supported");
    expect(kindOf(() => open(path))).toBe("not-supported");
    const copy = join(testDir(), "copy");
    cpSync(path, copy, { recursive: true, dereference: true });
    rmSync(join(copy, "backup.json"));
    open(copy);
    expect(await new World({ dataDir: copy }).read("file")).toBe("text");
  });
});
