import { open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bytesOfLength } from "../../support/bytes.js";
import { Mounted, whyNoMounts } from "../../support/daemon.js";
import { problemsIn } from "../../support/data-directory.js";
import type { DiskCall } from "../../support/power/disk-messages.js";
import { PowerDisk } from "../../support/power/power-disk.js";

/** On both sides of what is kept in the log, and of what is copied at once. */
const SIZES = [0, 10, 60_000, 70_000, 400_000];
/** Long enough for a content that was closed to be sealed, or to fail at that. */
const SEALED_MS = 1600;

const CALLS: readonly (readonly [string, readonly DiskCall[]])[] = [
  ["reads", ["read", "lookup", "getattr", "open"]],
  ["makes and syncs", ["fsync", "create", "mkdir", "link", "rename"]],
  ["removes and cuts", ["unlink", "rmdir", "setattr", "fallocate"]],
];
const SHARE = 0.5;

type Outcome = "done" | string;

async function outcome(action: () => Promise<unknown>): Promise<Outcome> {
  try {
    await action();
    return "done";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

describe.skipIf(whyNoMounts() !== undefined)("a disk on which some calls fail", () => {
  let disk: PowerDisk;
  beforeAll(async () => {
    disk = await PowerDisk.start();
  });
  afterAll(async () => await disk.remove());

  test.each(CALLS)("loses nothing that it said it has: what %s", async (name, calls) => {
    const mounted = await Mounted.start({ dataDir: join(disk.path, name) });
    try {
      const at = (name: string) => join(mounted.mountPoint, name);
      /** What each name must have by now; undefined for what may be there or not. */
      const files = new Map<string, Uint8Array | undefined>();
      for (const [index, size] of SIZES.entries()) {
        files.set(`sealed ${size}`, bytesOfLength(size, index));
        await writeFile(at(`sealed ${size}`), bytesOfLength(size, index));
      }
      await new Promise((resolve) => setTimeout(resolve, SEALED_MS));
      await disk.fail(calls, { share: SHARE });
      const outcomes: Outcome[] = [];
      const attempt = async (name: string, bytes: Uint8Array, write: typeof writeSynced) => {
        const ended = await outcome(() => write(at(name), bytes));
        files.set(name, ended === "done" ? bytes : undefined);
        outcomes.push(ended);
      };
      for (const [index, size] of SIZES.entries()) {
        await attempt(`closed ${size}`, bytesOfLength(size, index + 20), writeFile);
        await attempt(`synced ${size}`, bytesOfLength(size, index + 30), writeSynced);
        await attempt(`sealed ${size}`, bytesOfLength(size + 5, index + 40), writeFile);
      }
      const moved = await outcome(() => rename(at("sealed 10"), at("moved")));
      if (moved === "done") {
        files.set("moved", files.get("sealed 10"));
        files.delete("sealed 10");
      }
      const removed = await outcome(() => rm(at("closed 60000")));
      if (removed === "done") files.delete("closed 60000");
      outcomes.push(moved, removed);
      await new Promise((resolve) => setTimeout(resolve, SEALED_MS));
      for (const name of files.keys()) outcomes.push(await outcome(() => readFile(at(name))));
      await disk.fail([]);
      expect(new Set(outcomes)).toStrictEqual(new Set(["done", "EIO"]));
      const check = async () => {
        for (const [name, bytes] of files) {
          if (bytes === undefined) continue;
          const found = await readFile(at(name));
          expect([name, found.equals(bytes)]).toStrictEqual([name, true]);
        }
      };
      await check();
      // Where a sync failed, the end says so.
      await mounted.run(["-u", mounted.mountPoint]);
      await mounted.mount();
      await check();
      await writeSynced(at("after"), bytesOfLength(70_000, 9));
      await mounted.unmount();
      expect(problemsIn(mounted.dataDir)).toStrictEqual([]);
    } finally {
      await disk.fail([]);
      await mounted.stop();
    }
  });
});
