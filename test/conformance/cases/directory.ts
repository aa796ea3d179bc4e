import { expect } from "vitest";
import { isDirectory } from "../../../src/model/attributes.js";
import { fails, type PosixCase } from "../posix-case.js";
import { O } from "../posix-driver.js";
import {
  entriesOf,
  exists,
  namesIn,
  nlinkOf,
  permissionsOf,
  put,
  textOf,
  withFile,
} from "../posix-steps.js";

/** mkdir(2), rmdir(2). */
export const DIRECTORY_CASES: readonly PosixCase[] = [
  {
    name: "a new directory is empty, has two links and the mode asked for",
    async run({ driver, user }) {
      await driver.mkdir("directory", 0o750);
      const stat = await driver.stat("directory");
      expect(isDirectory(stat.mode)).toBe(true);
      expect(stat).toMatchObject({ nlink: 2, uid: user.uid, gid: user.gid });
      expect(await permissionsOf(driver, "directory")).toBe(0o750);
      expect(await entriesOf(driver, "directory")).toEqual([]);
    },
  },
  {
    name: "a parent has a link more for each directory in it, and not for files",
    async run({ driver }) {
      expect(await nlinkOf(driver, ".")).toBe(2);
      await driver.mkdir("a");
      await driver.mkdir("b/");
      await put(driver, { path: "file" });
      expect(await nlinkOf(driver, ".")).toBe(4);
      await driver.rmdir("a");
      expect(await nlinkOf(driver, ".")).toBe(3);
      await driver.rmdir("b/");
      expect(await nlinkOf(driver, ".")).toBe(2);
    },
  },
  {
    name: "mkdir fails with EEXIST on a taken name, and with ENOENT or ENOTDIR on the way",
    async run({ driver }) {
      await put(driver, { path: "file" });
      await driver.mkdir("directory");
      await driver.symlink("nowhere", "dangling");
      for (const path of ["file", "directory", "dangling", "directory/"]) {
        await fails(driver.mkdir(path), "EEXIST");
      }
      await fails(driver.mkdir("."), "EEXIST");
      await fails(driver.mkdir("absent/new"), "ENOENT");
      await fails(driver.mkdir("file/new"), "ENOTDIR");
      expect(await exists(driver, "nowhere")).toBe(false);
    },
  },
  {
    name: "rmdir removes an empty directory, and fails with ENOTEMPTY on any other",
    async run({ driver }) {
      await driver.mkdir("directory");
      await put(driver, { path: "directory/file" });
      await fails(driver.rmdir("directory"), "ENOTEMPTY");
      await driver.unlink("directory/file");
      await driver.mkdir("directory/below");
      await fails(driver.rmdir("directory"), "ENOTEMPTY");
      await driver.rmdir("directory/below");
      await driver.rmdir("directory");
      await fails(driver.stat("directory"), "ENOENT");
      expect(await namesIn(driver, ".")).toEqual([]);
    },
  },
  {
    name: "rmdir fails with ENOTDIR on a file, and with ENOENT on nothing",
    async run({ driver }) {
      await put(driver, { path: "file" });
      await fails(driver.rmdir("file"), "ENOTDIR");
      await fails(driver.rmdir("file/below"), "ENOTDIR");
      await fails(driver.rmdir("absent"), "ENOENT");
    },
  },
  {
    name: "rmdir takes no dots: EINVAL for the last one, ENOTEMPTY for two",
    async run({ driver }) {
      await driver.mkdir("directory");
      await driver.mkdir("directory/below");
      await fails(driver.rmdir("directory/below/."), "EINVAL");
      await fails(driver.rmdir("directory/below/.."), "ENOTEMPTY");
      expect(await namesIn(driver, "directory")).toEqual(["below"]);
    },
  },
  {
    name: "in a removed directory that is open nothing can be made: ENOENT",
    async run({ driver }) {
      await driver.mkdir("directory");
      const request = { path: "file", flags: O.WRONLY | O.CREAT, mode: 0o644 };
      const directory = { path: "directory", flags: O.RDONLY | O.DIRECTORY };
      await withFile(driver, directory, async (fd) => {
        await driver.rmdir("directory");
        expect((await driver.fstat(fd)).nlink).toBe(0);
        await fails(driver.openat(fd, request), "ENOENT");
        await driver.mkdir("directory");
        await fails(driver.openat(fd, request), "ENOENT");
      });
      expect(await namesIn(driver, "directory")).toEqual([]);
    },
  },
  {
    name: "a removed directory that is open has no entries to list",
    async run({ driver, isReal }) {
      await driver.mkdir("directory");
      const directory = { path: "directory", flags: O.RDONLY | O.DIRECTORY };
      await withFile(driver, directory, async (fd) => {
        await driver.rmdir("directory");
        // The kernel knows by itself that it is gone.
        if (isReal) await fails(driver.getdents64(fd, 4096), "ENOENT");
        else expect(await driver.getdents64(fd, 4096)).toEqual([]);
      });
    },
  },
  {
    name: "openat starts in the directory that is open, wherever that has gone",
    async run({ driver }) {
      await driver.mkdir("before");
      await put(driver, { path: "before/file", data: "found" });
      const directory = { path: "before", flags: O.RDONLY | O.DIRECTORY };
      await withFile(driver, directory, async (fd) => {
        await driver.rename("before", "after");
        const file = await driver.openat(fd, { path: "file", flags: O.RDONLY });
        expect((await driver.read(file, 10)).toString()).toBe("found");
        await driver.close(file);
      });
    },
  },
  {
    name: "directories nest a hundred deep",
    isLarge: true,
    async run({ driver }) {
      let path = "d0";
      await driver.mkdir(path);
      for (let depth = 1; depth < 100; depth++) {
        path = `${path}/d${depth}`;
        await driver.mkdir(path);
      }
      await put(driver, { path: `${path}/file`, data: "bottom" });
      expect(await textOf(driver, `${path}/../d99/file`)).toBe("bottom");
      await driver.rename("d0/d1", "moved");
      expect(await textOf(driver, `${path.replace("d0/d1", "moved")}/file`)).toBe("bottom");
      expect(await namesIn(driver, "d0")).toEqual([]);
    },
  },
  {
    name: "a name that was a file can be a directory next, and the other way round",
    async run({ driver }) {
      for (let round = 0; round < 5; round++) {
        await put(driver, { path: "name", data: "file" });
        await driver.unlink("name");
        await driver.mkdir("name");
        expect(isDirectory((await driver.stat("name")).mode)).toBe(true);
        expect(await entriesOf(driver, "name")).toEqual([]);
        await driver.rmdir("name");
      }
    },
  },
];
