import { expect } from "vitest";
import { isSymlink } from "../../../src/model/attributes.js";
import { fails, type PosixCase } from "../posix-case.js";
import { O } from "../posix-driver.js";
import { inoOf, namesIn, permissionsOf, put, textOf } from "../posix-steps.js";

/** symlink(2), readlink(2), symlink(7). */
export const SYMLINK_CASES: readonly PosixCase[] = [
  {
    name: "a symlink holds its target byte for byte, and its size is the target's length",
    async run({ driver, user }) {
      for (const target of ["file", "/absolute/path", "../up//and/./odd/", "größe 😀", " x\ny "]) {
        await driver.symlink(target, "link");
        expect((await driver.readlink("link")).toString()).toBe(target);
        const stat = await driver.lstat("link");
        expect(isSymlink(stat.mode)).toBe(true);
        const size = Buffer.byteLength(target);
        expect(stat).toMatchObject({ size, nlink: 1, uid: user.uid, gid: user.gid });
        expect(await permissionsOf(driver, "link")).toBe(0o777);
        await driver.unlink("link");
      }
    },
  },
  {
    name: "a target need not be UTF-8",
    async run({ driver }) {
      const target = Buffer.from([0x66, 0xff, 0xfe, 0x2f, 0x80]);
      await driver.symlink(target, "link");
      expect(await driver.readlink("link")).toEqual(target);
    },
  },
  {
    name: "stat, open and truncate follow a symlink; lstat doesn't",
    async run({ driver }) {
      await put(driver, { path: "file", data: "content" });
      await driver.symlink("file", "link");
      expect((await driver.stat("link")).ino).toBe(await inoOf(driver, "file"));
      expect(await inoOf(driver, "link")).not.toBe(await inoOf(driver, "file"));
      expect(await textOf(driver, "link")).toBe("content");
      await put(driver, { path: "link", data: "through" });
      expect(await textOf(driver, "file")).toBe("through");
    },
  },
  {
    name: "a relative target starts where the symlink is",
    async run({ driver }) {
      await driver.mkdir("a");
      await driver.mkdir("a/b");
      await put(driver, { path: "a/file", data: "beside" });
      await driver.symlink("../file", "a/b/link");
      await driver.symlink("a/b", "way");
      expect(await textOf(driver, "a/b/link")).toBe("beside");
      expect(await textOf(driver, "way/link")).toBe("beside");
      expect(await inoOf(driver, "way/..")).toBe(await inoOf(driver, "a"));
      expect(await namesIn(driver, "way")).toEqual(["link"]);
    },
  },
  {
    name: "a dangling symlink is there for lstat and not for stat",
    async run({ driver }) {
      await driver.symlink("nowhere", "link");
      await fails(driver.stat("link"), "ENOENT");
      await fails(driver.open("link", { flags: O.RDONLY }), "ENOENT");
      await fails(driver.chmod("link", 0o600), "ENOENT");
      expect(isSymlink((await driver.lstat("link")).mode)).toBe(true);
      await put(driver, { path: "nowhere", data: "now there" });
      expect(await textOf(driver, "link")).toBe("now there");
    },
  },
  {
    name: "symlinks in a circle fail with ELOOP",
    async run({ driver }) {
      await driver.symlink("self", "self");
      await driver.symlink("b", "a");
      await driver.symlink("a", "b");
      for (const path of ["self", "a", "a/below"]) {
        await fails(driver.stat(path), "ELOOP");
        await fails(driver.open(path, { flags: O.RDONLY }), "ELOOP");
      }
      expect((await driver.readlink("self")).toString()).toBe("self");
    },
  },
  {
    name: "forty symlinks are followed, and the next one fails with ELOOP",
    async run({ driver }) {
      await put(driver, { path: "link-0", data: "at last" });
      for (let index = 1; index <= 41; index++) {
        await driver.symlink(`link-${index - 1}`, `link-${index}`);
      }
      expect(await textOf(driver, "link-40")).toBe("at last");
      await fails(driver.stat("link-41"), "ELOOP");
    },
  },
  {
    name: "a target of 4095 bytes is kept, and one more fails with ENAMETOOLONG",
    async run({ driver }) {
      const longest = "x/".repeat(2047).slice(0, 4095).padEnd(4095, "y");
      await driver.symlink(longest, "link");
      expect((await driver.readlink("link")).toString()).toBe(longest);
      expect((await driver.lstat("link")).size).toBe(4095);
      await fails(driver.symlink(`${longest}z`, "longer"), "ENAMETOOLONG");
    },
  },
  {
    name: "an empty target fails with ENOENT",
    async run({ driver }) {
      await fails(driver.symlink("", "link"), "ENOENT");
      expect(await namesIn(driver, ".")).toEqual([]);
    },
  },
  {
    name: "a symlink takes no name that is taken: EEXIST",
    async run({ driver }) {
      await put(driver, { path: "file" });
      await driver.mkdir("directory");
      await driver.symlink("nowhere", "dangling");
      for (const path of ["file", "directory", "dangling"]) {
        await fails(driver.symlink("target", path), "EEXIST");
      }
      expect((await driver.readlink("dangling")).toString()).toBe("nowhere");
    },
  },
  {
    name: "readlink fails with EINVAL on what is no symlink",
    async run({ driver }) {
      await put(driver, { path: "file" });
      await driver.mkdir("directory");
      await fails(driver.readlink("file"), "EINVAL");
      await fails(driver.readlink("directory"), "EINVAL");
      await fails(driver.readlink("absent"), "ENOENT");
    },
  },
  {
    name: "a symlink to a directory is one for those who go through it, and not for rmdir",
    async run({ driver }) {
      await driver.mkdir("directory");
      await driver.symlink("directory", "link");
      await driver.mkdir("link/below");
      expect(await namesIn(driver, "directory")).toEqual(["below"]);
      expect(await inoOf(driver, "link/.")).toBe(await inoOf(driver, "directory"));
      await fails(driver.rmdir("link"), "ENOTDIR");
      await fails(driver.mkdir("link"), "EEXIST");
    },
  },
  {
    name: "owner and times of a symlink are its own",
    async run({ driver, isRoot }) {
      await put(driver, { path: "file" });
      await driver.symlink("file", "link");
      const before = await driver.stat("file");
      const mtime = { sec: 1234, nsec: 567 };
      await driver.utimensat("link", { mtime, follow: false });
      expect((await driver.lstat("link")).mtime).toEqual(mtime);
      if (isRoot) {
        await driver.lchown("link", { uid: 77, gid: 88 });
        expect(await driver.lstat("link")).toMatchObject({ uid: 77, gid: 88, mtime });
      }
      expect(await driver.stat("file")).toEqual(before);
    },
  },
];
