import { expect } from "vitest";
import { fails, type PosixCase } from "../posix-case.js";
import { O } from "../posix-driver.js";
import {
  contentOf,
  inoOf,
  namesIn,
  nlinkOf,
  pattern,
  permissionsOf,
  put,
  settle,
  textOf,
  withFile,
} from "../posix-steps.js";

/** link(2). */
export const LINK_CASES: readonly PosixCase[] = [
  {
    name: "a hard link is another name of the same inode, which counts its names",
    async run({ driver }) {
      await driver.mkdir("directory");
      await put(driver, { path: "one", data: "shared" });
      await driver.link("one", "two");
      await driver.link("two", "directory/three");
      const ino = await inoOf(driver, "one");
      for (const path of ["one", "two", "directory/three"]) {
        expect(await driver.stat(path)).toMatchObject({ ino, nlink: 3 });
      }
      await driver.unlink("two");
      expect(await nlinkOf(driver, "one")).toBe(2);
      await driver.unlink("one");
      expect(await nlinkOf(driver, "directory/three")).toBe(1);
      expect(await textOf(driver, "directory/three")).toBe("shared");
    },
  },
  {
    name: "what is written under one name is read under the other",
    async run({ driver }) {
      for (const size of [100, 150_000]) {
        const expected = pattern(size);
        await put(driver, { path: `one-${size}`, data: expected });
        await settle(driver, `one-${size}`);
        await driver.link(`one-${size}`, `two-${size}`);
        await withFile(driver, { path: `two-${size}`, flags: O.WRONLY }, (fd) =>
          driver.pwrite(fd, { offset: size - 5, data: Buffer.from("CHANGED") }),
        );
        const changed = Buffer.concat([expected, Buffer.alloc(2)]);
        changed.write("CHANGED", size - 5);
        expect((await contentOf(driver, `one-${size}`)).equals(changed)).toBe(true);
        await driver.truncate(`one-${size}`, 3);
        await settle(driver, `one-${size}`);
        expect((await driver.stat(`two-${size}`)).size).toBe(3);
      }
    },
  },
  {
    name: "hard links share mode, owner, times and extended attributes",
    async run({ driver }) {
      await put(driver, { path: "one" });
      await driver.link("one", "two");
      await driver.chmod("one", 0o604);
      await driver.setxattr("two", { name: "user.shared", value: Buffer.from("yes") });
      await driver.utimensat("two", { mtime: { sec: 123, nsec: 456 } });
      expect(await permissionsOf(driver, "two")).toBe(0o604);
      expect(await driver.getxattr("one", { name: "user.shared" })).toEqual(Buffer.from("yes"));
      expect(await driver.stat("one")).toEqual(await driver.stat("two"));
    },
  },
  {
    name: "a directory can't have a second name: EPERM",
    async run({ driver }) {
      await driver.mkdir("directory");
      await fails(driver.link("directory", "second"), "EPERM");
      expect(await nlinkOf(driver, "directory")).toBe(2);
    },
  },
  {
    name: "link fails with EEXIST on a taken name, and with ENOENT when an end isn't there",
    async run({ driver }) {
      await put(driver, { path: "file" });
      await put(driver, { path: "taken" });
      await driver.mkdir("directory");
      await driver.symlink("nowhere", "dangling");
      for (const to of ["taken", "directory", "dangling", "file"]) {
        await fails(driver.link("file", to), "EEXIST");
      }
      await fails(driver.link("absent", "new"), "ENOENT");
      await fails(driver.link("file", "absent/new"), "ENOENT");
      await fails(driver.link("file", "taken/new"), "ENOTDIR");
      expect(await nlinkOf(driver, "file")).toBe(1);
    },
  },
  {
    name: "a hard link of a symlink is of the symlink itself",
    async run({ driver }) {
      await put(driver, { path: "file" });
      await driver.symlink("file", "link");
      await driver.link("link", "second");
      expect((await driver.readlink("second")).toString()).toBe("file");
      expect(await nlinkOf(driver, "link")).toBe(2);
      expect(await nlinkOf(driver, "file")).toBe(1);
      await driver.unlink("link");
      expect((await driver.readlink("second")).toString()).toBe("file");
    },
  },
  {
    name: "an open file can be linked while it is written",
    async run({ driver }) {
      const flags = O.RDWR | O.CREAT;
      await withFile(driver, { path: "one", flags, mode: 0o644 }, async (fd) => {
        await driver.write(fd, Buffer.from("before"));
        await driver.link("one", "two");
        await driver.write(fd, Buffer.from(" after"));
        expect((await driver.fstat(fd)).nlink).toBe(2);
        await driver.unlink("one");
      });
      expect(await textOf(driver, "two")).toBe("before after");
      expect(await namesIn(driver, ".")).toEqual(["two"]);
    },
  },
  {
    name: "a file may have a hundred names, and loses them one by one",
    async run({ driver }) {
      await put(driver, { path: "link-0", data: "many" });
      for (let index = 1; index < 100; index++) await driver.link("link-0", `link-${index}`);
      expect(await nlinkOf(driver, "link-50")).toBe(100);
      for (let index = 0; index < 99; index++) await driver.unlink(`link-${index}`);
      expect(await nlinkOf(driver, "link-99")).toBe(1);
      expect(await textOf(driver, "link-99")).toBe("many");
    },
  },
];
