import { expect } from "vitest";
import { isSymlink, S_IFCHR, S_IFIFO, S_IFMT } from "../../../src/model/attributes.js";
import { fails, type PosixCase } from "../posix-case.js";
import { O, RENAME } from "../posix-driver.js";
import { inoOf, namesIn, nlinkOf, put, textOf, withFile } from "../posix-steps.js";
import { unprivileged } from "../unprivileged.js";

const { EXCHANGE, NOREPLACE, WHITEOUT } = RENAME;

/** linkat(2) with its flags, and what renameat2(2) does to kinds and counts of links. */
export const LINK_FLAG_CASES: readonly PosixCase[] = [
  {
    name: "with AT_SYMLINK_FOLLOW link makes a name of what a symlink leads to",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file", data: "content" });
      await driver.symlink("file", "one");
      await driver.symlink("one", "two");
      await kernel.linkFollowing("two", "followed");
      await driver.link("two", "itself");
      expect(await inoOf(driver, "followed")).toBe(await inoOf(driver, "file"));
      expect(await nlinkOf(driver, "file")).toBe(2);
      expect(isSymlink((await driver.lstat("itself")).mode)).toBe(true);
      await driver.symlink("nowhere", "dangling");
      await fails(kernel.linkFollowing("dangling", "new"), "ENOENT");
      await driver.mkdir("directory");
      await driver.symlink("directory", "way");
      await fails(kernel.linkFollowing("way", "new"), "EPERM");
    },
  },
  {
    name: "FIFOs, and open files, have several names as files have",
    async run({ driver }) {
      await driver.mknod("fifo", { mode: S_IFIFO | 0o600 });
      await driver.link("fifo", "second");
      expect(await driver.lstat("second")).toEqual(await driver.lstat("fifo"));
      expect(await nlinkOf(driver, "fifo")).toBe(2);
      await put(driver, { path: "file", data: "content" });
      await withFile(driver, { path: "file", flags: O.RDONLY }, async (fd) => {
        await driver.flink(fd, "linked");
        expect((await driver.fstat(fd)).nlink).toBe(2);
      });
      expect(await textOf(driver, "linked")).toBe("content");
    },
  },
  {
    name: "RENAME_EXCHANGE of any two kinds keeps both with their links",
    async run({ driver }) {
      const make = {
        file: () => put(driver, { path: "a/file", data: "content" }),
        directory: () => driver.mkdir("a/directory"),
        full: async () => {
          await driver.mkdir("a/full");
          await driver.mkdir("a/full/below");
        },
        link: () => driver.symlink("x", "a/link"),
        fifo: () => driver.mknod("a/fifo", { mode: S_IFIFO | 0o600 }),
      };
      await driver.mkdir("a");
      await driver.mkdir("b");
      const kinds = Object.keys(make);
      for (const kind of Object.values(make)) await kind();
      for (const one of kinds) {
        for (const other of kinds) {
          if (one === other) continue;
          await driver.rename(`a/${other}`, `b/${other}`);
          const before = [await driver.lstat(`a/${one}`), await driver.lstat(`b/${other}`)];
          await driver.renameat2(`a/${one}`, { to: `b/${other}`, flags: EXCHANGE });
          const after = [await driver.lstat(`b/${other}`), await driver.lstat(`a/${one}`)];
          const kept = (stat: (typeof before)[number]) => [stat.ino, stat.mode, stat.nlink];
          expect(after.map(kept)).toEqual(before.map(kept));
          await driver.renameat2(`a/${one}`, { to: `b/${other}`, flags: EXCHANGE });
          await driver.rename(`b/${other}`, `a/${other}`);
          expect([await nlinkOf(driver, "a"), await nlinkOf(driver, "b")]).toEqual([4, 2]);
        }
      }
    },
  },
  {
    name: "RENAME_WHITEOUT replaces what is there, and with RENAME_NOREPLACE it doesn't",
    needs: ["root"],
    async run({ driver }) {
      await put(driver, { path: "file", data: "content" });
      await put(driver, { path: "taken", data: "stays" });
      await driver.mkdir("directory");
      const flags = WHITEOUT | NOREPLACE;
      await fails(driver.renameat2("file", { to: "taken", flags }), "EEXIST");
      expect(await textOf(driver, "file")).toBe("content");
      await driver.renameat2("file", { to: "directory/new", flags });
      expect(await textOf(driver, "directory/new")).toBe("content");
      await driver.renameat2("directory/new", { to: "taken", flags: WHITEOUT });
      expect(await textOf(driver, "taken")).toBe("content");
      for (const path of ["file", "directory/new"]) {
        expect((await driver.lstat(path)).mode & S_IFMT).toBe(S_IFCHR);
        expect((await driver.lstat(path)).rdev).toEqual({ major: 0, minor: 0 });
      }
      expect(await namesIn(driver, ".")).toEqual(["directory", "file", "taken"]);
    },
  },
  {
    name: "RENAME_WHITEOUT of a directory leaves a whiteout, and takes its links along",
    needs: ["root"],
    async run({ driver }) {
      for (const path of ["one", "two", "one/directory"]) await driver.mkdir(path);
      await driver.renameat2("one/directory", { to: "two/directory", flags: WHITEOUT });
      expect([await nlinkOf(driver, "one"), await nlinkOf(driver, "two")]).toEqual([2, 3]);
      expect((await driver.lstat("one/directory")).mode & S_IFMT).toBe(S_IFCHR);
      expect(await inoOf(driver, "two/directory/..")).toBe(await inoOf(driver, "two"));
    },
  },
  {
    name: "renaming needs nothing of the file itself, only of the two directories",
    needs: ["kernel"],
    run: (context) =>
      unprivileged(context, async () => {
        const { driver } = context;
        await put(driver, { path: "file", data: "content", mode: 0 });
        await put(driver, { path: "target", mode: 0 });
        await driver.mkdir("directory");
        await driver.rename("file", "directory/file");
        await driver.rename("directory/file", "target");
        await driver.chmod("target", 0o400);
        expect(await textOf(driver, "target")).toBe("content");
      }),
  },
];
