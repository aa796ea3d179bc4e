import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { Mounted, SOON, whyNoMounts } from "../../support/daemon.js";
import { problemsIn } from "../../support/data-directory.js";
import { LoopDisk, WHY_NO_LOOP_DISKS } from "../../support/loop-disk.js";

const WHY = whyNoMounts() ?? WHY_NO_LOOP_DISKS;
const MIB = 1024 * 1024;

/** Each takes some KiB of a log that has MiB. */
const MOST_SMALL = 2000;

/** Without a journal ext4 goes on when it can't write; with one, it ends itself. */
const NO_JOURNAL = ["-O", "^has_journal"];

/** The error's code of a write that is to be durable, or undefined. */
function codeOfSync(path: string, bytes: string): string | undefined {
  const fd = openSync(path, "w");
  try {
    writeSync(fd, bytes);
    fsyncSync(fd);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  } finally {
    closeSync(fd);
  }
}

describe.skipIf(WHY !== undefined)(
  `a disk that fails to write${WHY ? ` (skipped: ${WHY})` : ""}`,
  () => {
    test("is told to who syncs, once in the log, takes nothing that was synced, and nothing is vouched for until the next start", async () => {
      const disk = new LoopDisk({ sizeBytes: 128 * MIB, belowBytes: 48 * MIB, mkfs: NO_JOURNAL });
      const mounted = await Mounted.start({ dataDir: join(disk.path, "data") });
      onTestFinished(() => mounted.stop());
      const at = (name: string) => join(mounted.mountPoint, name);
      writeFileSync(at("sealed"), "s".repeat(200_000));
      expect(codeOfSync(at("synced"), "text")).toBeUndefined();

      disk.break();
      const codes = [1, 2, 3, 4].map((number) => codeOfSync(at(`new${number}`), "x".repeat(MIB)));
      // The first may be within what was written before; what the disk says is its own word, EIO or ENOSPC.
      expect(codes.filter((code) => code !== undefined).length).toBeGreaterThanOrEqual(3);
      expect(["EIO", "ENOSPC"]).toEqual(
        expect.arrayContaining(codes.filter((code) => code !== undefined)),
      );
      expect(readFileSync(at("synced"), "utf8")).toBe("text");
      expect(readFileSync(at("sealed"), "utf8")).toBe("s".repeat(200_000));
      // Until the log comes to where the disk takes nothing, it is synced as always.
      const small: string[] = [];
      while (codeOfSync(at(`small${small.length}`), "more") === undefined) {
        small.push(`small${small.length}`);
        expect(small.length).toBeLessThan(MOST_SMALL);
      }

      disk.mend();
      // Others may say that they failed because of it.
      const messages = () =>
        mounted.troubles.map((line) => (JSON.parse(line) as { msg: string }).msg);
      const noted = () => messages().filter((text) => text.includes("no sync is vouched for"));
      await expect.poll(() => noted().length, SOON).toBe(1);
      expect(codeOfSync(at("later"), "more")).toBe("EIO");
      writeFileSync(at("goes on"), "and is kept");
      expect(readFileSync(at("goes on"), "utf8")).toBe("and is kept");

      // It says so once more in the end: the unmount fails, and the next start is a new beginning.
      const { code, stderr } = await mounted.run(["-u", mounted.mountPoint]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/ended with an error: .*no sync is vouched for/);
      await mounted.mount();
      // Of what the disk didn't take, the kernel keeps the pages as it likes: what wasn't synced is there, or isn't.
      const unsynced = existsSync(at("goes on")) ? readFileSync(at("goes on"), "utf8") : "";
      expect(["and is kept", ""]).toContain(unsynced);
      expect(readFileSync(at("synced"), "utf8")).toBe("text");
      for (const name of small) expect(readFileSync(at(name), "utf8")).toBe("more");
      expect(codeOfSync(at("later"), "durable")).toBeUndefined();
      await mounted.unmount();
      expect(problemsIn(mounted.dataDir)).toStrictEqual([]);
    });
  },
);
