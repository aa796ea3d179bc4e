import { expect } from "vitest";
import { fails, type PosixCase } from "../posix-case.js";
import { O } from "../posix-driver.js";
import {
  contentOfOpen,
  namesIn,
  pattern,
  permissionsOf,
  put,
  textOf,
  withFile,
} from "../posix-steps.js";

const UNNAMED = { path: ".", flags: O.RDWR | O.TMPFILE, mode: 0o640 };

/** O_TMPFILE of open(2). */
export const UNNAMED_CASES: readonly PosixCase[] = [
  {
    name: "a file of O_TMPFILE has no name and no links, and takes content as any other",
    async run({ driver, user }) {
      await withFile(driver, UNNAMED, async (fd) => {
        const stat = await driver.fstat(fd);
        expect(stat).toMatchObject({ nlink: 0, size: 0, uid: user.uid, gid: user.gid });
        expect(stat.mode & 0o7777).toBe(0o640);
        await driver.write(fd, pattern(100_000));
        expect((await contentOfOpen(driver, fd)).equals(pattern(100_000))).toBe(true);
        expect(await namesIn(driver, ".")).toEqual([]);
      });
      expect(await namesIn(driver, ".")).toEqual([]);
    },
  },
  {
    name: "a file of O_TMPFILE gets its name with all that it has by then, and keeps taking more",
    async run({ driver }) {
      await withFile(driver, UNNAMED, async (fd) => {
        await driver.write(fd, Buffer.from("before"));
        await driver.fchmod(fd, 0o604);
        await driver.fsetxattr(fd, { name: "user.key", value: Buffer.from("value") });
        const { ino } = await driver.fstat(fd);
        await driver.flink(fd, "named");
        expect(await driver.stat("named")).toMatchObject({ ino, nlink: 1, size: 6 });
        await driver.write(fd, Buffer.from(" after"));
      });
      expect(await textOf(driver, "named")).toBe("before after");
      expect(await permissionsOf(driver, "named")).toBe(0o604);
      expect(await driver.getxattr("named", { name: "user.key" })).toEqual(Buffer.from("value"));
    },
  },
  {
    name: "a file of O_TMPFILE takes several names, and no taken one: EEXIST",
    async run({ driver }) {
      await put(driver, { path: "taken", data: "stays" });
      await withFile(driver, UNNAMED, async (fd) => {
        await fails(driver.flink(fd, "taken"), "EEXIST");
        await driver.flink(fd, "one");
        await driver.flink(fd, "two");
        expect((await driver.fstat(fd)).nlink).toBe(2);
      });
      expect(await textOf(driver, "taken")).toBe("stays");
      expect(await namesIn(driver, ".")).toEqual(["one", "taken", "two"]);
    },
  },
  {
    name: "with O_EXCL a file of O_TMPFILE never gets a name: ENOENT",
    async run({ driver }) {
      await withFile(driver, { ...UNNAMED, flags: UNNAMED.flags | O.EXCL }, async (fd) => {
        await driver.write(fd, Buffer.from("x"));
        await fails(driver.flink(fd, "named"), "ENOENT");
      });
      expect(await namesIn(driver, ".")).toEqual([]);
    },
  },
  {
    name: "O_TMPFILE wants a directory that is there, and a descriptor that writes",
    async run({ driver }) {
      await put(driver, { path: "file" });
      const mode = 0o600;
      await fails(driver.open("file", { flags: O.RDWR | O.TMPFILE, mode }), "ENOTDIR");
      await fails(driver.open("absent", { flags: O.RDWR | O.TMPFILE, mode }), "ENOENT");
      await fails(driver.open(".", { flags: O.RDONLY | O.TMPFILE, mode }), "EINVAL");
    },
  },
];
