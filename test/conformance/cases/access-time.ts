import { expect } from "vitest";
import { compareTimestamps } from "../../../src/model/timestamp.js";
import type { PosixCase } from "../posix-case.js";
import { O, type PosixDriver } from "../posix-driver.js";
import { contentOf, listing, put, tick, withFile } from "../posix-steps.js";

/** What reads each kind of file at `subject`. */
const READS: Readonly<
  Record<
    string,
    {
      make: (driver: PosixDriver) => Promise<unknown>;
      read: (driver: PosixDriver) => Promise<unknown>;
    }
  >
> = {
  file: {
    make: (driver) => put(driver, { path: "subject", data: "text" }),
    read: (driver) => contentOf(driver, "subject"),
  },
  directory: {
    make: async (driver) => {
      await driver.mkdir("subject");
      await put(driver, { path: "subject/entry" });
    },
    read: (driver) => listing(driver, "subject"),
  },
  symlink: {
    make: (driver) => driver.symlink("clock", "subject"),
    read: (driver) => driver.readlink("subject"),
  },
};

/** relatime, as mount(8) describes it, of a file whose pages nobody has yet. */
export const ACCESS_TIME_CASES: readonly PosixCase[] = [
  ...Object.entries(READS).map(
    ([kind, { make, read }]): PosixCase => ({
      name: `reading a ${kind} that changed since it was read last moves its access time`,
      async run({ driver }) {
        await put(driver, { path: "clock" });
        await make(driver);
        if (kind === "file") {
          await withFile(driver, { path: "subject", flags: O.RDONLY }, (fd) =>
            driver.dropCache(fd),
          );
        }
        const before = await driver.lstat("subject");
        await tick(driver, "clock");
        await read(driver);
        const after = await driver.lstat("subject");
        expect(compareTimestamps(after.atime, before.atime)).toBeGreaterThan(0);
        expect(after).toMatchObject({ mtime: before.mtime, ctime: before.ctime });
        await tick(driver, "clock");
        await read(driver);
        expect((await driver.lstat("subject")).atime).toEqual(after.atime);
      },
    }),
  ),
  {
    name: "with O_NOATIME a directory is listed without a trace",
    async run({ driver }) {
      await put(driver, { path: "clock" });
      await driver.mkdir("subject");
      await put(driver, { path: "subject/entry" });
      const before = (await driver.lstat("subject")).atime;
      await tick(driver, "clock");
      const flags = O.RDONLY | O.DIRECTORY | O.NOATIME;
      await withFile(driver, { path: "subject", flags }, async (fd) => {
        expect(await driver.getdents64(fd, 32 * 1024)).toHaveLength(3);
      });
      expect((await driver.lstat("subject")).atime).toEqual(before);
    },
  },
  {
    name: "reading a directory moves its access time again, after an entry came",
    async run({ driver }) {
      await put(driver, { path: "clock" });
      await driver.mkdir("subject");
      await listing(driver, "subject");
      await tick(driver, "clock");
      await put(driver, { path: "subject/entry" });
      await tick(driver, "clock");
      await listing(driver, "subject");
      const { atime, mtime } = await driver.lstat("subject");
      expect(compareTimestamps(atime, mtime)).toBeGreaterThan(0);
    },
  },
];
