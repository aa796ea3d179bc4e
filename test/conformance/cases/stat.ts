import { expect } from "vitest";
import { S_IFIFO } from "../../../src/model/attributes.js";
import { compareTimestamps } from "../../../src/model/timestamp.js";
import type { PosixCase } from "../posix-case.js";
import { O, type PosixDriver } from "../posix-driver.js";
import { inoOf, pattern, put, settle, tick, withFile } from "../posix-steps.js";

/** Ways to make something new under `new`. */
const MAKERS: Readonly<Record<string, (driver: PosixDriver) => Promise<unknown>>> = {
  file: (driver) => put(driver, { path: "new", data: "x" }),
  directory: (driver) => driver.mkdir("new"),
  symlink: (driver) => driver.symlink("target", "new"),
  FIFO: (driver) => driver.mknod("new", { mode: S_IFIFO | 0o600 }),
  "file of O_TMPFILE": (driver) =>
    withFile(driver, { path: ".", flags: O.RDWR | O.TMPFILE, mode: 0o600 }, (fd) =>
      driver.flink(fd, "new"),
    ),
};

/** stat(2), statx(2), statvfs(3). */
export const STAT_CASES: readonly PosixCase[] = [
  ...Object.entries(MAKERS).map(
    ([kind, make]): PosixCase => ({
      name: `a new ${kind} is born now, with all its times`,
      async run({ driver }) {
        await put(driver, { path: "clock" });
        await tick(driver, "clock");
        const { mtime: before } = await driver.stat("clock");
        await make(driver);
        // Twice: a kernel's own clock for file times may be a tick behind ours, and fuse-native takes "now" from that.
        await tick(driver, "clock");
        await tick(driver, "clock");
        const { mtime: after } = await driver.stat("clock");
        const { atime, mtime, ctime, btime } = await driver.lstat("new");
        for (const time of [atime, mtime, ctime, btime ?? mtime]) {
          expect(compareTimestamps(time, before)).toBeGreaterThanOrEqual(0);
          expect(compareTimestamps(time, after)).toBeLessThan(0);
        }
      },
    }),
  ),
  {
    name: "the time of birth stays, whatever happens to a file",
    async run({ driver }) {
      await put(driver, { path: "clock" });
      await put(driver, { path: "file", data: "content" });
      await driver.mkdir("directory");
      const { btime } = await driver.stat("file");
      const changes: readonly (() => Promise<unknown>)[] = [
        () => driver.chmod("file", 0o600),
        () => put(driver, { path: "file", data: "other" }),
        () => settle(driver, "file"),
        () => driver.truncate("file", 100_000),
        () => driver.utimensat("file", { atime: { sec: 1, nsec: 1 }, mtime: { sec: 1, nsec: 1 } }),
        () => driver.link("file", "second"),
        () => driver.rename("file", "directory/file"),
        () => driver.rename("directory/file", "file"),
      ];
      for (const change of changes) {
        await tick(driver, "clock");
        await change();
        expect((await driver.stat("file").catch(() => driver.stat("second"))).btime).toEqual(btime);
      }
    },
  },
  {
    name: "a new file under a name that was used is born anew",
    async run({ driver }) {
      await put(driver, { path: "clock" });
      await put(driver, { path: "file" });
      const { btime: before } = await driver.stat("file");
      await driver.unlink("file");
      await tick(driver, "clock");
      await put(driver, { path: "file" });
      const { btime: after } = await driver.stat("file");
      if (before !== undefined && after !== undefined) {
        expect(compareTimestamps(after, before)).toBeGreaterThan(0);
      } else expect(after).toBe(before);
    },
  },
  {
    name: "stat, lstat and fstat say the same of a file, and so does fstat after another's change",
    async run({ driver }) {
      await put(driver, { path: "file", data: "content" });
      await withFile(driver, { path: "file", flags: O.RDWR }, async (fd) => {
        expect(await driver.fstat(fd)).toEqual(await driver.stat("file"));
        await driver.chmod("file", 0o640);
        await driver.truncate("file", 3);
        await driver.link("file", "second");
        const stat = await driver.fstat(fd);
        expect(stat).toMatchObject({ size: 3, nlink: 2 });
        expect(stat.mode & 0o7777).toBe(0o640);
        expect(await driver.stat("second")).toEqual(stat);
        expect(await driver.lstat("file")).toEqual(stat);
      });
    },
  },
  {
    name: "files that are there at the same time have different inode numbers",
    async run({ driver }) {
      const inos = new Set<number>();
      for (let index = 0; index < 50; index++) {
        await put(driver, { path: `file-${index}`, data: "equal" });
        await driver.mkdir(`directory-${index}`);
        inos.add(await inoOf(driver, `file-${index}`));
        inos.add(await inoOf(driver, `directory-${index}`));
      }
      expect(inos.size).toBe(100);
      expect(Math.min(...inos)).toBeGreaterThan(0);
    },
  },
  {
    name: "blocks count what a file takes: about its size, and nothing for an empty one",
    async run({ driver }) {
      await put(driver, { path: "empty" });
      expect((await driver.stat("empty")).blocks).toBe(0);
      for (const size of [1, 4096, 100_000, 1_000_000]) {
        await put(driver, { path: "file", data: pattern(size) });
        await withFile(driver, { path: "file", flags: O.RDONLY }, (fd) => driver.fsync(fd));
        for (const settled of [false, true]) {
          if (settled) await settle(driver, "file");
          const { blocks } = await driver.stat("file");
          expect(blocks * 512).toBeGreaterThanOrEqual(size);
          expect(blocks * 512).toBeLessThanOrEqual(size + 64 * 1024);
        }
      }
    },
  },
  {
    name: "statvfs tells numbers that fit together, the same for all files",
    async run({ driver }) {
      await driver.mkdir("directory");
      await put(driver, { path: "directory/file" });
      for (const path of [".", "directory", "directory/file"]) {
        const stat = await driver.statvfs(path);
        expect(stat.namemax).toBe(255);
        expect(stat.bsize).toBeGreaterThanOrEqual(512);
        expect(stat.frsize).toBeGreaterThanOrEqual(512);
        expect(stat.blocks).toBeGreaterThan(0);
        expect(stat.bfree).toBeLessThanOrEqual(stat.blocks);
        expect(stat.bavail).toBeLessThanOrEqual(stat.bfree);
        expect(stat.files).toBeGreaterThan(0);
        expect(stat.ffree).toBeLessThanOrEqual(stat.files);
      }
    },
  },
];
