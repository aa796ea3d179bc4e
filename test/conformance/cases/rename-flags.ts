import { expect } from "vitest";
import { S_IFCHR, S_IFMT } from "../../../src/model/attributes.js";
import { fails, type PosixCase } from "../posix-case.js";
import { RENAME } from "../posix-driver.js";
import { inoOf, namesIn, nlinkOf, put, textOf } from "../posix-steps.js";

const { EXCHANGE, NOREPLACE, WHITEOUT } = RENAME;

/** renameat2(2): RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT. */
export const RENAME_FLAG_CASES: readonly PosixCase[] = [
  {
    name: "RENAME_NOREPLACE moves to a free name, and fails with EEXIST on a taken one",
    async run({ driver }) {
      await put(driver, { path: "file", data: "moved" });
      await put(driver, { path: "taken", data: "stays" });
      await driver.mkdir("directory");
      await driver.symlink("nowhere", "dangling");
      for (const to of ["taken", "directory", "dangling"]) {
        await fails(driver.renameat2("file", { to, flags: NOREPLACE }), "EEXIST");
      }
      await fails(driver.renameat2("file", { to: "file", flags: NOREPLACE }), "EEXIST");
      expect(await textOf(driver, "taken")).toBe("stays");
      await driver.renameat2("file", { to: "directory/free", flags: NOREPLACE });
      expect(await textOf(driver, "directory/free")).toBe("moved");
      await fails(driver.renameat2("absent", { to: "free", flags: NOREPLACE }), "ENOENT");
    },
  },
  {
    name: "RENAME_EXCHANGE swaps two files",
    async run({ driver }) {
      await driver.mkdir("directory");
      await put(driver, { path: "one", data: "first" });
      await put(driver, { path: "directory/two", data: "second" });
      const before = [await inoOf(driver, "one"), await inoOf(driver, "directory/two")];
      await driver.renameat2("one", { to: "directory/two", flags: EXCHANGE });
      expect(await textOf(driver, "one")).toBe("second");
      expect(await textOf(driver, "directory/two")).toBe("first");
      const after = [await inoOf(driver, "directory/two"), await inoOf(driver, "one")];
      expect(after).toEqual(before);
    },
  },
  {
    name: "RENAME_EXCHANGE swaps a file and a directory of two parents, with their links",
    async run({ driver }) {
      for (const path of ["left", "right", "right/directory"]) await driver.mkdir(path);
      await put(driver, { path: "right/directory/inside", data: "deep" });
      await put(driver, { path: "left/file", data: "flat" });
      await driver.renameat2("left/file", { to: "right/directory", flags: EXCHANGE });
      expect(await textOf(driver, "left/file/inside")).toBe("deep");
      expect(await textOf(driver, "right/directory")).toBe("flat");
      expect(await nlinkOf(driver, "left")).toBe(3);
      expect(await nlinkOf(driver, "right")).toBe(2);
      expect(await inoOf(driver, "left/file/..")).toBe(await inoOf(driver, "left"));
      await driver.renameat2("left/file", { to: "right/directory", flags: EXCHANGE });
      expect([await nlinkOf(driver, "left"), await nlinkOf(driver, "right")]).toEqual([2, 3]);
    },
  },
  {
    name: "RENAME_EXCHANGE swaps two directories that aren't empty",
    async run({ driver }) {
      for (const path of ["left", "right", "left/a", "right/b"]) await driver.mkdir(path);
      await put(driver, { path: "left/a/one", data: "1" });
      await put(driver, { path: "right/b/two", data: "2" });
      await driver.renameat2("left/a", { to: "right/b", flags: EXCHANGE });
      expect(await namesIn(driver, "left/a")).toEqual(["two"]);
      expect(await namesIn(driver, "right/b")).toEqual(["one"]);
      expect([await nlinkOf(driver, "left"), await nlinkOf(driver, "right")]).toEqual([3, 3]);
      expect(await inoOf(driver, "right/b/..")).toBe(await inoOf(driver, "right"));
    },
  },
  {
    name: "RENAME_EXCHANGE swaps a symlink itself",
    async run({ driver }) {
      await put(driver, { path: "file", data: "content" });
      await driver.symlink("elsewhere", "link");
      await driver.renameat2("file", { to: "link", flags: EXCHANGE });
      expect((await driver.readlink("file")).toString()).toBe("elsewhere");
      expect(await textOf(driver, "link")).toBe("content");
    },
  },
  {
    name: "RENAME_EXCHANGE needs both names: ENOENT",
    async run({ driver }) {
      await put(driver, { path: "file" });
      await fails(driver.renameat2("file", { to: "absent", flags: EXCHANGE }), "ENOENT");
      await fails(driver.renameat2("absent", { to: "file", flags: EXCHANGE }), "ENOENT");
      expect(await namesIn(driver, ".")).toEqual(["file"]);
    },
  },
  {
    name: "RENAME_EXCHANGE of a directory with what lies in it fails with EINVAL",
    async run({ driver }) {
      await driver.mkdir("a");
      await driver.mkdir("a/b");
      await put(driver, { path: "a/b/file" });
      await fails(driver.renameat2("a", { to: "a/b", flags: EXCHANGE }), "EINVAL");
      await fails(driver.renameat2("a/b", { to: "a", flags: EXCHANGE }), "EINVAL");
      await fails(driver.renameat2("a/b/file", { to: "a", flags: EXCHANGE }), "EINVAL");
      expect(await namesIn(driver, "a/b")).toEqual(["file"]);
    },
  },
  {
    name: "exchanging two names of one file does nothing",
    async run({ driver }) {
      await put(driver, { path: "one", data: "x" });
      await driver.link("one", "two");
      await driver.renameat2("one", { to: "two", flags: EXCHANGE });
      expect(await namesIn(driver, ".")).toEqual(["one", "two"]);
      expect(await nlinkOf(driver, "one")).toBe(2);
    },
  },
  {
    name: "flags that exclude each other or mean nothing fail with EINVAL",
    needs: ["kernel"],
    async run({ driver }) {
      await put(driver, { path: "file" });
      await put(driver, { path: "other" });
      for (const flags of [EXCHANGE | NOREPLACE, EXCHANGE | WHITEOUT, 64]) {
        await fails(driver.renameat2("file", { to: "other", flags }), "EINVAL");
      }
    },
  },
  {
    name: "RENAME_WHITEOUT leaves a character device 0/0 under the old name",
    needs: ["root"],
    async run({ driver }) {
      await put(driver, { path: "file", data: "content" });
      await driver.renameat2("file", { to: "moved", flags: WHITEOUT });
      expect(await textOf(driver, "moved")).toBe("content");
      const stat = await driver.lstat("file");
      expect(stat.mode & S_IFMT).toBe(S_IFCHR);
      expect(stat.rdev).toEqual({ major: 0, minor: 0 });
    },
  },
];
