import { expect } from "vitest";
import { fails, type PosixCase } from "../posix-case.js";
import { O } from "../posix-driver.js";
import {
  contentOfOpen,
  exists,
  namesIn,
  nlinkOf,
  pattern,
  put,
  settle,
  textOf,
  withFile,
} from "../posix-steps.js";

/** unlink(2), and what files without a name still do. */
export const UNLINK_CASES: readonly PosixCase[] = [
  {
    name: "unlink takes the name away",
    async run({ driver }) {
      await put(driver, { path: "file", data: "x" });
      await put(driver, { path: "other" });
      await driver.unlink("file");
      await fails(driver.stat("file"), "ENOENT");
      await fails(driver.open("file", { flags: O.RDONLY }), "ENOENT");
      expect(await namesIn(driver, ".")).toEqual(["other"]);
      await fails(driver.unlink("file"), "ENOENT");
    },
  },
  {
    name: "unlink fails with EISDIR on a directory, and takes a symlink, not its target",
    async run({ driver }) {
      await driver.mkdir("directory");
      await driver.symlink("directory", "link");
      await fails(driver.unlink("directory"), "EISDIR");
      await driver.unlink("link");
      expect(await namesIn(driver, ".")).toEqual(["directory"]);
    },
  },
  ...[100, 200_000].map(
    (size): PosixCase => ({
      name: `an unlinked file of ${size} bytes that is open reads, writes and grows as before`,
      async run({ driver }) {
        for (const settled of [false, true]) {
          const expected = pattern(size);
          await put(driver, { path: "file", data: expected });
          if (settled) await settle(driver, "file");
          await withFile(driver, { path: "file", flags: O.RDWR }, async (fd) => {
            const { ino } = await driver.fstat(fd);
            await driver.unlink("file");
            expect(await driver.fstat(fd)).toMatchObject({ nlink: 0, size, ino });
            expect((await contentOfOpen(driver, fd)).equals(expected)).toBe(true);
            await driver.pwrite(fd, { offset: size, data: Buffer.from("more") });
            await driver.pwrite(fd, { offset: 10, data: Buffer.from("other") });
            expected.write("other", 10);
            const grown = Buffer.concat([expected, Buffer.from("more")]);
            expect((await contentOfOpen(driver, fd)).equals(grown)).toBe(true);
            await driver.ftruncate(fd, 20);
            expect((await contentOfOpen(driver, fd)).equals(grown.subarray(0, 20))).toBe(true);
            expect(await driver.fstat(fd)).toMatchObject({ nlink: 0, size: 20 });
            await driver.fsync(fd);
          });
          expect(await exists(driver, "file")).toBe(false);
        }
      },
    }),
  ),
  {
    name: "an unlinked open file keeps its attributes and takes new ones",
    async run({ driver }) {
      await put(driver, { path: "file", data: "x" });
      await driver.setxattr("file", { name: "user.before", value: Buffer.from("1") });
      await withFile(driver, { path: "file", flags: O.RDWR }, async (fd) => {
        await driver.unlink("file");
        expect(await driver.fgetxattr(fd, "user.before")).toEqual(Buffer.from("1"));
        await driver.fsetxattr(fd, { name: "user.after", value: Buffer.from("2") });
        expect(await driver.fgetxattr(fd, "user.after")).toEqual(Buffer.from("2"));
        await driver.fchmod(fd, 0o600);
        await driver.futimens(fd, { mtime: { sec: 1000, nsec: 5 } });
        const stat = await driver.fstat(fd);
        expect(stat.mode & 0o777).toBe(0o600);
        expect(stat.mtime).toEqual({ sec: 1000, nsec: 5 });
      });
    },
  },
  {
    name: "a name that was unlinked while open leads to a new file",
    async run({ driver }) {
      await put(driver, { path: "file", data: "old" });
      await withFile(driver, { path: "file", flags: O.RDWR }, async (old) => {
        await driver.unlink("file");
        await put(driver, { path: "file", data: "new" });
        expect((await driver.stat("file")).ino).not.toBe((await driver.fstat(old)).ino);
        await driver.pwrite(old, { offset: 0, data: Buffer.from("OLD") });
        expect((await contentOfOpen(driver, old)).toString()).toBe("OLD");
        expect(await textOf(driver, "file")).toBe("new");
      });
      expect(await textOf(driver, "file")).toBe("new");
    },
  },
  {
    name: "unlinking one of two names leaves the file with the other",
    async run({ driver }) {
      await put(driver, { path: "one", data: "shared" });
      await driver.link("one", "two");
      await driver.unlink("one");
      expect(await nlinkOf(driver, "two")).toBe(1);
      expect(await textOf(driver, "two")).toBe("shared");
      await driver.unlink("two");
      expect(await namesIn(driver, ".")).toEqual([]);
    },
  },
  {
    name: "a file without a name can't get one again: ENOENT",
    needs: ["kernel"],
    async run({ driver }) {
      await put(driver, { path: "file", data: "x" });
      await withFile(driver, { path: "file", flags: O.RDWR }, async (fd) => {
        await driver.unlink("file");
        await fails(driver.flink(fd, "again"), "ENOENT");
      });
      expect(await namesIn(driver, ".")).toEqual([]);
    },
  },
  {
    name: "two descriptors of an unlinked file share it until both are closed",
    async run({ driver }) {
      await put(driver, { path: "file", data: "0123" });
      const first = await driver.open("file", { flags: O.RDWR });
      const second = await driver.open("file", { flags: O.RDWR });
      await driver.unlink("file");
      await driver.pwrite(first, { offset: 0, data: Buffer.from("first") });
      await driver.close(first);
      expect((await contentOfOpen(driver, second)).toString()).toBe("first");
      await driver.pwrite(second, { offset: 5, data: Buffer.from("+") });
      expect((await driver.fstat(second)).size).toBe(6);
      await driver.close(second);
    },
  },
  {
    name: "an open file whose directory is gone as well still works",
    async run({ driver }) {
      await driver.mkdir("directory");
      await put(driver, { path: "directory/file", data: "here" });
      await withFile(driver, { path: "directory/file", flags: O.RDWR }, async (fd) => {
        await driver.unlink("directory/file");
        await driver.rmdir("directory");
        expect((await contentOfOpen(driver, fd)).toString()).toBe("here");
        await driver.pwrite(fd, { offset: 4, data: Buffer.from(" still") });
        expect((await contentOfOpen(driver, fd)).toString()).toBe("here still");
        await driver.fsync(fd);
      });
    },
  },
];
