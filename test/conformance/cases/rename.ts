import { expect } from "vitest";
import { fails, type PosixCase } from "../posix-case.js";
import { O } from "../posix-driver.js";
import {
  contentOfOpen,
  exists,
  inoOf,
  namesIn,
  nlinkOf,
  pattern,
  put,
  settle,
  textOf,
  withFile,
} from "../posix-steps.js";

/** rename(2) without flags. */
export const RENAME_CASES: readonly PosixCase[] = [
  {
    name: "rename gives a file another name, in its directory and in another",
    async run({ driver }) {
      await driver.mkdir("directory");
      await put(driver, { path: "a", data: "content" });
      const ino = await inoOf(driver, "a");
      await driver.rename("a", "b");
      await fails(driver.stat("a"), "ENOENT");
      expect(await textOf(driver, "b")).toBe("content");
      await driver.rename("b", "directory/c");
      expect(await namesIn(driver, ".")).toEqual(["directory"]);
      expect(await textOf(driver, "directory/c")).toBe("content");
      expect(await inoOf(driver, "directory/c")).toBe(ino);
    },
  },
  {
    name: "rename over a file replaces it",
    async run({ driver }) {
      await put(driver, { path: "new", data: "new" });
      await put(driver, { path: "old", data: "old content" });
      const ino = await inoOf(driver, "new");
      await driver.rename("new", "old");
      expect(await namesIn(driver, ".")).toEqual(["old"]);
      expect(await textOf(driver, "old")).toBe("new");
      expect(await inoOf(driver, "old")).toBe(ino);
      expect(await nlinkOf(driver, "old")).toBe(1);
    },
  },
  {
    name: "rename over an open file leaves that one to whoever has it open",
    async run({ driver }) {
      await put(driver, { path: "old", data: "old" });
      await put(driver, { path: "new", data: "new" });
      await withFile(driver, { path: "old", flags: O.RDWR }, async (fd) => {
        await driver.rename("new", "old");
        expect((await driver.fstat(fd)).nlink).toBe(0);
        expect((await contentOfOpen(driver, fd)).toString()).toBe("old");
        await driver.pwrite(fd, { offset: 3, data: Buffer.from("er") });
        expect((await contentOfOpen(driver, fd)).toString()).toBe("older");
      });
      expect(await textOf(driver, "old")).toBe("new");
    },
  },
  {
    name: "an open file goes on under its new name, with what is written meanwhile",
    async run({ driver }) {
      await put(driver, { path: "a", data: "0123" });
      await put(driver, { path: "target", data: "replaced" });
      await withFile(driver, { path: "a", flags: O.RDWR }, async (fd) => {
        await driver.pwrite(fd, { offset: 0, data: Buffer.from("before") });
        await driver.rename("a", "target");
        await driver.pwrite(fd, { offset: 6, data: Buffer.from("+after") });
        expect(await textOf(driver, "target")).toBe("before+after");
        expect((await driver.fstat(fd)).nlink).toBe(1);
      });
      expect(await textOf(driver, "target")).toBe("before+after");
    },
  },
  {
    name: "a file and a directory don't replace each other: EISDIR, ENOTDIR",
    async run({ driver }) {
      await put(driver, { path: "file", data: "x" });
      await driver.mkdir("directory");
      await fails(driver.rename("file", "directory"), "EISDIR");
      await fails(driver.rename("directory", "file"), "ENOTDIR");
      expect(await namesIn(driver, ".")).toEqual(["directory", "file"]);
    },
  },
  {
    name: "a directory replaces an empty directory, and no other: ENOTEMPTY",
    async run({ driver }) {
      await driver.mkdir("from");
      await put(driver, { path: "from/file", data: "inside" });
      await driver.mkdir("empty");
      await driver.mkdir("full");
      await put(driver, { path: "full/file" });
      await fails(driver.rename("from", "full"), "ENOTEMPTY");
      await driver.rename("from", "empty");
      expect(await textOf(driver, "empty/file")).toBe("inside");
      expect(await namesIn(driver, ".")).toEqual(["empty", "full"]);
      expect(await nlinkOf(driver, ".")).toBe(4);
    },
  },
  {
    name: "a directory can't move into itself or below: EINVAL",
    async run({ driver }) {
      await driver.mkdir("a");
      await driver.mkdir("a/b");
      await driver.mkdir("a/b/c");
      await fails(driver.rename("a", "a/new"), "EINVAL");
      await fails(driver.rename("a", "a/b/c/new"), "EINVAL");
      await fails(driver.rename("a/b", "a/b/c"), "EINVAL");
      expect(await exists(driver, "a/b/c")).toBe(true);
    },
  },
  {
    name: "a directory can't replace the one that it is in: ENOTEMPTY",
    async run({ driver }) {
      await driver.mkdir("a");
      await driver.mkdir("a/b");
      await fails(driver.rename("a/b", "a"), "ENOTEMPTY");
      expect(await exists(driver, "a/b")).toBe(true);
    },
  },
  {
    name: "renaming a name to itself does nothing",
    async run({ driver }) {
      await put(driver, { path: "file", data: "x" });
      await driver.mkdir("directory");
      const before = await driver.stat("file");
      await driver.rename("file", "file");
      await driver.rename("directory", "directory");
      expect(await driver.stat("file")).toEqual(before);
      expect(await namesIn(driver, ".")).toEqual(["directory", "file"]);
    },
  },
  {
    name: "renaming one name of a file to another of the same file does nothing, as POSIX has it",
    async run({ driver }) {
      await put(driver, { path: "one", data: "x" });
      await driver.link("one", "two");
      await driver.rename("one", "two");
      expect(await namesIn(driver, ".")).toEqual(["one", "two"]);
      expect(await nlinkOf(driver, "one")).toBe(2);
    },
  },
  {
    name: "replacing one name of a file leaves its others, with a link less",
    async run({ driver }) {
      await put(driver, { path: "one", data: "linked" });
      await driver.link("one", "two");
      await put(driver, { path: "new", data: "new" });
      await driver.rename("new", "two");
      expect(await nlinkOf(driver, "one")).toBe(1);
      expect(await textOf(driver, "one")).toBe("linked");
      expect(await textOf(driver, "two")).toBe("new");
    },
  },
  {
    name: "rename fails with ENOENT when either end isn't there",
    async run({ driver }) {
      await put(driver, { path: "file" });
      await fails(driver.rename("absent", "new"), "ENOENT");
      await fails(driver.rename("absent", "file"), "ENOENT");
      await fails(driver.rename("file", "absent/new"), "ENOENT");
      expect(await namesIn(driver, ".")).toEqual(["file"]);
    },
  },
  {
    name: "rename fails with ENOTDIR through a file, and with a slash after one",
    async run({ driver }) {
      await put(driver, { path: "file" });
      await put(driver, { path: "other" });
      await fails(driver.rename("file/below", "new"), "ENOTDIR");
      await fails(driver.rename("other", "file/below"), "ENOTDIR");
      await fails(driver.rename("file", "new/"), "ENOTDIR");
      await fails(driver.rename("file/", "new"), "ENOTDIR");
      expect(await namesIn(driver, ".")).toEqual(["file", "other"]);
    },
  },
  {
    name: "a directory may be renamed with slashes at the ends, and dots can't",
    async run({ driver }) {
      await driver.mkdir("a");
      await driver.rename("a/", "b/");
      expect(await namesIn(driver, ".")).toEqual(["b"]);
      await fails(driver.rename("b/.", "c"), "EBUSY");
      await fails(driver.rename("b", "c/.."), "ENOENT");
      await fails(driver.rename("b", "b/.."), "EBUSY");
    },
  },
  {
    name: "rename moves a symlink, not what it leads to, and replaces one likewise",
    async run({ driver }) {
      await put(driver, { path: "target", data: "untouched" });
      await driver.symlink("target", "link");
      await driver.rename("link", "moved");
      expect((await driver.readlink("moved")).toString()).toBe("target");
      await put(driver, { path: "file", data: "new" });
      await driver.rename("file", "moved");
      expect(await textOf(driver, "moved")).toBe("new");
      expect(await textOf(driver, "target")).toBe("untouched");
    },
  },
  {
    name: "a directory that moves takes its links and its .. along",
    async run({ driver }) {
      for (const path of ["from", "to", "from/moved", "from/moved/below"]) await driver.mkdir(path);
      await put(driver, { path: "from/moved/below/file", data: "deep" });
      expect([await nlinkOf(driver, "from"), await nlinkOf(driver, "to")]).toEqual([3, 2]);
      await driver.rename("from/moved", "to/arrived");
      expect([await nlinkOf(driver, "from"), await nlinkOf(driver, "to")]).toEqual([2, 3]);
      expect(await inoOf(driver, "to/arrived/..")).toBe(await inoOf(driver, "to"));
      expect(await textOf(driver, "to/arrived/below/file")).toBe("deep");
      await fails(driver.stat("from/moved/below/file"), "ENOENT");
      expect(await nlinkOf(driver, "to/arrived")).toBe(3);
    },
  },
  {
    name: "replacing an empty directory in another one counts links right",
    async run({ driver }) {
      for (const path of ["from", "to", "from/a", "to/a"]) await driver.mkdir(path);
      await driver.rename("from/a", "to/a");
      expect(await nlinkOf(driver, "from")).toBe(2);
      expect(await nlinkOf(driver, "to")).toBe(3);
      expect(await namesIn(driver, "from")).toEqual([]);
    },
  },
  {
    name: "a replaced directory that is open is empty and has no links",
    async run({ driver }) {
      await driver.mkdir("old");
      await driver.mkdir("new");
      await put(driver, { path: "new/file" });
      await withFile(driver, { path: "old", flags: O.RDONLY | O.DIRECTORY }, async (fd) => {
        await driver.rename("new", "old");
        expect((await driver.fstat(fd)).nlink).toBe(0);
        const flags = O.WRONLY | O.CREAT;
        await fails(driver.openat(fd, { path: "file", flags, mode: 0o644 }), "ENOENT");
      });
      expect(await namesIn(driver, "old")).toEqual(["file"]);
    },
  },
  {
    name: "a file keeps its attributes, content and times but ctime when it is renamed",
    async run({ driver }) {
      for (const size of [10, 100_000]) {
        await put(driver, { path: "a", data: pattern(size), mode: 0o640 });
        await driver.setxattr("a", { name: "user.kept", value: Buffer.from([0, 255]) });
        await driver.utimensat("a", { atime: { sec: 5, nsec: 6 }, mtime: { sec: 7, nsec: 8 } });
        const { ctime: _before, ...before } = await driver.stat("a");
        await driver.rename("a", "b");
        const { ctime: _after, ...after } = await driver.stat("b");
        expect(after).toEqual(before);
        await settle(driver, "b");
        expect(await driver.getxattr("b", { name: "user.kept" })).toEqual(Buffer.from([0, 255]));
      }
    },
  },
  {
    name: "whoever reads a file that is replaced again and again sees whole contents only",
    async run({ driver }) {
      const flags = O.WRONLY | O.CREAT | O.EXCL;
      for (let version = 0; version < 60; version++) {
        const data = pattern(40_000 + version * 1000, version);
        await withFile(driver, { path: "file.tmp", flags, mode: 0o644 }, async (fd) => {
          await driver.write(fd, data);
          if (version % 10 === 0) await driver.fsync(fd);
        });
        await driver.rename("file.tmp", "file");
        await withFile(driver, { path: "file", flags: O.RDONLY }, async (fd) => {
          expect((await contentOfOpen(driver, fd)).equals(data)).toBe(true);
        });
      }
      expect(await namesIn(driver, ".")).toEqual(["file"]);
    },
  },
];
