import { expect } from "vitest";
import { compareTimestamps } from "../../../src/model/timestamp.js";
import { fails, type PosixCase } from "../posix-case.js";
import { O, type Times } from "../posix-driver.js";
import { put, settle, tick, withFile } from "../posix-steps.js";
import { STRANGER } from "../unprivileged.js";

const GIVEN = { sec: 1_000_000, nsec: 1 };

/** Moments around which somebody's number ends. ext4 has them until 2446. */
const MOMENTS = {
  "the start of 1970": { sec: 0, nsec: 0 },
  "a nanosecond later": { sec: 0, nsec: 1 },
  "a nanosecond before a second": { sec: 1_234_567_890, nsec: 999_999_999 },
  "just before 1970": { sec: -1, nsec: 999_999_999 },
  "in 1901": { sec: -(2 ** 31), nsec: 0 },
  "in 1955": { sec: -446_774_400, nsec: 123_456_789 },
  "in 2038": { sec: 2 ** 31, nsec: 5 },
  "in 2106": { sec: 2 ** 32, nsec: 7 },
  "in 2242": { sec: 2 ** 33, nsec: 987_654_321 },
  "in 2446": { sec: 15_000_000_000, nsec: 1 },
};

/** Who may set which times of a file that it may or may not write, utimensat(2). */
const RIGHTS: readonly [times: Times, asWriter: string, asReader: string][] = [
  [{ atime: "now", mtime: "now" }, "success", "EACCES"],
  [{ atime: "now" }, "EPERM", "EPERM"],
  [{ mtime: "now" }, "EPERM", "EPERM"],
  [{ atime: GIVEN, mtime: GIVEN }, "EPERM", "EPERM"],
  [{ atime: "now", mtime: GIVEN }, "EPERM", "EPERM"],
  [{ mtime: GIVEN }, "EPERM", "EPERM"],
  [{}, "success", "success"],
];

/** utimensat(2), futimens(3). */
export const UTIMENSAT_CASES: readonly PosixCase[] = [
  {
    name: "times are kept to the nanosecond, from 1901 to 2446",
    async run({ driver }) {
      await put(driver, { path: "file", data: "content" });
      await driver.mkdir("directory");
      await driver.symlink("file", "link");
      for (const [name, atime] of Object.entries(MOMENTS)) {
        const mtime = { sec: atime.sec + 1, nsec: 999_999_999 - atime.nsec };
        for (const path of ["file", "directory", "link"]) {
          await driver.utimensat(path, { atime, mtime, follow: false });
          const { atime: a, mtime: m } = await driver.lstat(path);
          expect([name, path, a, m]).toEqual([name, path, atime, mtime]);
        }
      }
    },
  },
  {
    name: "times that were set stay when a file is opened, settles, is linked and renamed",
    async run({ driver }) {
      await put(driver, { path: "file", data: "content" });
      const times = { atime: { sec: 4_000_000_000, nsec: 3 }, mtime: GIVEN };
      await driver.utimensat("file", times);
      await withFile(driver, { path: "file", flags: O.RDWR }, (fd) => driver.read(fd, 10));
      await settle(driver, "file");
      await driver.link("file", "second");
      await driver.rename("file", "renamed");
      expect(await driver.stat("renamed")).toMatchObject(times);
    },
  },
  {
    name: "times that are set by a descriptor that has written stay when it is closed",
    async run({ driver }) {
      for (const size of [5, 100_000]) {
        const flags = O.RDWR | O.CREAT | O.TRUNC;
        await withFile(driver, { path: "file", flags, mode: 0o644 }, async (fd) => {
          await driver.write(fd, Buffer.alloc(size, 1));
          await driver.futimens(fd, { atime: GIVEN, mtime: GIVEN });
        });
        await settle(driver, "file");
        expect(await driver.stat("file")).toMatchObject({ atime: GIVEN, mtime: GIVEN, size });
      }
    },
  },
  {
    name: "a time that is omitted stays, and UTIME_NOW gives both the same moment",
    async run({ driver }) {
      await put(driver, { path: "file" });
      await driver.utimensat("file", { atime: GIVEN, mtime: { sec: 77, nsec: 88 } });
      await driver.utimensat("file", { mtime: { sec: 99, nsec: 11 } });
      expect(await driver.stat("file")).toMatchObject({
        atime: GIVEN,
        mtime: { sec: 99, nsec: 11 },
      });
      await driver.utimensat("file", { atime: { sec: 5, nsec: 6 } });
      expect(await driver.stat("file")).toMatchObject({
        atime: { sec: 5, nsec: 6 },
        mtime: { sec: 99, nsec: 11 },
      });
      await driver.utimensat("file", { atime: "now", mtime: "now" });
      const { atime, mtime, ctime } = await driver.stat("file");
      expect([atime, ctime]).toEqual([mtime, mtime]);
    },
  },
  {
    name: "no call sets ctime: it moves on whatever the others are set to",
    async run({ driver }) {
      await put(driver, { path: "clock" });
      await put(driver, { path: "file" });
      const before = await driver.stat("file");
      await tick(driver, "clock");
      await driver.utimensat("file", { atime: GIVEN, mtime: GIVEN });
      const after = await driver.stat("file");
      expect(compareTimestamps(after.ctime, before.ctime)).toBeGreaterThan(0);
      expect(after.btime).toEqual(before.btime);
    },
  },
  {
    name: "a symlink is followed unless it is asked for itself, also a dangling one",
    async run({ driver }) {
      await put(driver, { path: "file" });
      await driver.symlink("file", "link");
      await driver.symlink("nowhere", "dangling");
      await driver.utimensat("link", { mtime: GIVEN });
      expect((await driver.stat("file")).mtime).toEqual(GIVEN);
      expect((await driver.lstat("link")).mtime).not.toEqual(GIVEN);
      await fails(driver.utimensat("dangling", { mtime: GIVEN }), "ENOENT");
      await driver.utimensat("dangling", { mtime: GIVEN, follow: false });
      expect((await driver.lstat("dangling")).mtime).toEqual(GIVEN);
    },
  },
  {
    name: "a second has no more than 999,999,999 nanoseconds: EINVAL",
    needs: ["kernel"],
    async run({ driver }) {
      await put(driver, { path: "file" });
      const before = await driver.stat("file");
      for (const nsec of [1_000_000_000, 2_000_000_000, -1]) {
        await fails(driver.utimensat("file", { mtime: { sec: 1, nsec } }), "EINVAL");
        await fails(driver.utimensat("file", { atime: { sec: 1, nsec }, mtime: "now" }), "EINVAL");
      }
      expect(await driver.stat("file")).toEqual(before);
    },
  },
  {
    name: "who may write sets both times to now and no others: EPERM; who only reads none: EACCES",
    needs: ["kernel", "root"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file" });
      for (const [times, asWriter, asReader] of RIGHTS) {
        for (const [mode, code] of [
          [0o666, asWriter],
          [0o444, asReader],
        ] as const) {
          await driver.chmod("file", mode);
          await kernel.as(STRANGER, async () => {
            const call = driver.utimensat("file", times);
            if (code === "success") await call;
            else await fails(call, code);
          });
        }
      }
    },
  },
  {
    name: "the owner sets the times of a file that it may not write, also by a descriptor to read",
    async run({ driver }) {
      await put(driver, { path: "file", mode: 0o444 });
      await driver.utimensat("file", { atime: "now", mtime: "now" });
      await withFile(driver, { path: "file", flags: O.RDONLY }, (fd) =>
        driver.futimens(fd, { mtime: GIVEN }),
      );
      expect((await driver.stat("file")).mtime).toEqual(GIVEN);
    },
  },
];
