import { expect } from "vitest";
import { fails, type PosixCase } from "../posix-case.js";
import { FALLOC, O, type PosixDriver } from "../posix-driver.js";
import { contentOfOpen, namesIn, pattern, put, settle, withFile } from "../posix-steps.js";

/** What may become of the name of an open file `directory/file`, and the links that it has then. */
const FATES: Readonly<
  Record<string, { links: number; act: (d: PosixDriver) => Promise<unknown> }>
> = {
  "was renamed": { links: 1, act: (driver) => driver.rename("directory/file", "renamed") },
  "was removed": { links: 0, act: (driver) => driver.unlink("directory/file") },
  "was replaced": {
    links: 0,
    act: async (driver) => {
      await put(driver, { path: "other" });
      await driver.rename("other", "directory/file");
    },
  },
  "has another name left": {
    links: 1,
    act: async (driver) => {
      await driver.link("directory/file", "second");
      await driver.unlink("directory/file");
    },
  },
  "has another parent": { links: 1, act: (driver) => driver.rename("directory", "moved") },
  "has no parent any more": {
    links: 0,
    act: async (driver) => {
      await driver.unlink("directory/file");
      await driver.rmdir("directory");
    },
  },
};

/** All that a descriptor does, whatever became of the name. */
async function useAll(driver: PosixDriver, fd: number, expected: Buffer): Promise<void> {
  expect((await contentOfOpen(driver, fd)).equals(expected)).toBe(true);
  await driver.pwrite(fd, { offset: 10, data: Buffer.from("written") });
  expected.write("written", 10);
  const { length } = expected;
  await driver.fallocate(fd, {
    offset: 100,
    length: 50,
    mode: FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE,
  });
  expected.fill(0, 100, 150);
  expect((await contentOfOpen(driver, fd)).equals(expected)).toBe(true);
  await driver.ftruncate(fd, length + 500);
  const longer = Buffer.concat([expected], length + 500);
  expect((await contentOfOpen(driver, fd)).equals(longer)).toBe(true);
  expect(await driver.copyFileRange(fd, { offset: 0, to: fd, toOffset: length, length: 200 })).toBe(
    200,
  );
  longer.copyWithin(length, 0, 200);
  await driver.fsync(fd);
  await driver.fchmod(fd, 0o640);
  await driver.futimens(fd, { atime: { sec: 5, nsec: 6 }, mtime: { sec: 7, nsec: 8 } });
  await driver.fsetxattr(fd, { name: "user.key", value: Buffer.from("value") });
  expect((await driver.fgetxattr(fd, "user.key")).toString()).toBe("value");
  await driver.fremovexattr(fd, "user.key");
  await fails(driver.fgetxattr(fd, "user.key"), "ENODATA");
  await driver.dropCache(fd);
  expect((await contentOfOpen(driver, fd)).equals(longer)).toBe(true);
  expect((await driver.fstat(fd)).mode & 0o7777).toBe(0o640);
  expect(await driver.fstat(fd)).toMatchObject({ size: longer.length, mtime: { sec: 7, nsec: 8 } });
}

/** Descriptors whose file has lost its name, or has another. */
export const OPEN_HANDLE_CASES: readonly PosixCase[] = [
  ...Object.entries(FATES).map(
    ([fate, { links, act }]): PosixCase => ({
      name: `a descriptor of a file that ${fate} does all that it did before`,
      async run({ driver }) {
        for (const settled of [false, true]) {
          for (const size of [1000, 150_000]) {
            await driver.mkdir("directory");
            const expected = Buffer.from(pattern(size));
            await put(driver, { path: "directory/file", data: expected });
            if (settled) await settle(driver, "directory/file");
            const open = { path: "directory/file", flags: O.RDWR };
            await withFile(driver, open, async (fd) => {
              const { ino } = await driver.fstat(fd);
              await act(driver);
              expect(await driver.fstat(fd)).toMatchObject({ nlink: links, ino });
              await useAll(driver, fd, expected);
            });
            await removeAll(driver);
          }
        }
      },
    }),
  ),
  {
    name: "a removed directory that is open takes what concerns itself, and no names",
    async run({ driver, isReal }) {
      await driver.mkdir("directory");
      await withFile(driver, { path: "directory", flags: O.RDONLY }, async (fd) => {
        const { ino } = await driver.fstat(fd);
        await driver.rmdir("directory");
        await driver.fchmod(fd, 0o700);
        await driver.futimens(fd, { mtime: { sec: 5, nsec: 6 } });
        await driver.fsetxattr(fd, { name: "user.key", value: Buffer.from("value") });
        expect((await driver.fgetxattr(fd, "user.key")).toString()).toBe("value");
        const stat = await driver.fstat(fd);
        expect(stat).toMatchObject({ nlink: 0, ino, mtime: { sec: 5, nsec: 6 } });
        expect(stat.mode & 0o7777).toBe(0o700);
        const dot = await driver.openat(fd, { path: ".", flags: O.RDONLY });
        expect((await driver.fstat(dot)).ino).toBe(ino);
        await driver.close(dot);
        if (isReal) await fails(driver.openat(fd, { path: "x", flags: O.RDONLY }), "ENOENT");
      });
      expect(await namesIn(driver, ".")).toEqual([]);
    },
  },
  {
    name: "the last of several descriptors takes a removed file with it, and a new one is empty",
    async run({ driver }) {
      await put(driver, { path: "file", data: "old" });
      await driver.setxattr("file", { name: "user.key", value: Buffer.from("old") });
      await withFile(driver, { path: "file", flags: O.RDWR }, async (one) => {
        await withFile(driver, { path: "file", flags: O.RDWR }, async (two) => {
          await driver.unlink("file");
          await driver.pwrite(two, { offset: 3, data: Buffer.from("er") });
        });
        expect((await contentOfOpen(driver, one)).toString()).toBe("older");
        await put(driver, { path: "file" });
      });
      expect((await driver.stat("file")).size).toBe(0);
      await fails(driver.getxattr("file", { name: "user.key" }), "ENODATA");
    },
  },
];

async function removeAll(driver: PosixDriver): Promise<void> {
  for (const directory of ["directory", "moved"]) {
    await driver.unlink(`${directory}/file`).catch(() => undefined);
    await driver.rmdir(directory).catch(() => undefined);
  }
  for (const path of ["renamed", "second"]) await driver.unlink(path).catch(() => undefined);
  expect(await namesIn(driver, ".")).toEqual([]);
}
