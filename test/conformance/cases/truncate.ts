import { expect } from "vitest";
import { S_IFIFO } from "../../../src/model/attributes.js";
import { compareTimestamps } from "../../../src/model/timestamp.js";
import { fails, type PosixCase } from "../posix-case.js";
import { O } from "../posix-driver.js";
import {
  contentOf,
  contentOfOpen,
  pattern,
  put,
  settle,
  textOf,
  tick,
  withFile,
} from "../posix-steps.js";

const KIB = 1024;

/** From one size to another, and back to the first: the bytes cut off must never come back. */
const ROUND_TRIPS = [
  [10, 4],
  [10, 0],
  [1000, 999],
  [64 * KIB, 10],
  [64 * KIB + 1, 64 * KIB],
  [64 * KIB + 1, 1],
  [300_000, 64 * KIB],
  [300_000, 5],
  [300_000, 0],
] as const;

/** truncate(2), ftruncate(2). */
export const TRUNCATE_CASES: readonly PosixCase[] = [
  ...ROUND_TRIPS.map(
    ([large, small]): PosixCase => ({
      name: `truncating ${large} bytes to ${small} and back leaves zeros behind`,
      async run({ driver }) {
        for (const settled of [false, true]) {
          const data = pattern(large);
          await put(driver, { path: "file", data });
          if (settled) await settle(driver, "file");
          await driver.truncate("file", small);
          expect((await driver.stat("file")).size).toBe(small);
          expect((await contentOf(driver, "file")).equals(data.subarray(0, small))).toBe(true);
          if (settled) await settle(driver, "file");
          await driver.truncate("file", large);
          const expected = Buffer.concat([data.subarray(0, small)], large);
          expect((await contentOf(driver, "file")).equals(expected)).toBe(true);
        }
      },
    }),
  ),
  {
    name: "truncating up from a small file to beyond 64 KiB adds zeros",
    async run({ driver }) {
      for (const size of [64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 200_000]) {
        await put(driver, { path: "file", data: "begin" });
        await driver.truncate("file", size);
        const expected = Buffer.concat([Buffer.from("begin")], size);
        expect((await contentOf(driver, "file")).equals(expected)).toBe(true);
      }
    },
  },
  {
    name: "an empty file truncated up is all zeros",
    async run({ driver }) {
      await put(driver, { path: "file" });
      await settle(driver, "file");
      await driver.truncate("file", 5000);
      expect((await contentOf(driver, "file")).equals(Buffer.alloc(5000))).toBe(true);
    },
  },
  {
    name: "ftruncate shows at once through other descriptors, and moves no position",
    async run({ driver }) {
      await put(driver, { path: "file", data: "0123456789" });
      await withFile(driver, { path: "file", flags: O.RDWR }, (writer) =>
        withFile(driver, { path: "file", flags: O.RDONLY }, async (reader) => {
          await driver.lseek(writer, { offset: 8, whence: "set" });
          expect((await contentOfOpen(driver, reader)).toString()).toBe("0123456789");
          await driver.ftruncate(writer, 4);
          expect((await contentOfOpen(driver, reader)).toString()).toBe("0123");
          expect((await driver.fstat(reader)).size).toBe(4);
          expect(await driver.lseek(writer, { offset: 0, whence: "current" })).toBe(8);
          await driver.write(writer, Buffer.from("Z"));
          expect((await contentOfOpen(driver, reader)).toString()).toBe("0123\0\0\0\0Z");
        }),
      );
    },
  },
  {
    name: "writing after a truncation leaves zeros between the new end and the write",
    async run({ driver }) {
      for (const size of [5000, 100_000]) {
        await put(driver, { path: "file", data: pattern(size) });
        await withFile(driver, { path: "file", flags: O.RDWR }, async (fd) => {
          await driver.ftruncate(fd, 100);
          await driver.pwrite(fd, { offset: size - 10, data: Buffer.from("later") });
          const expected = Buffer.concat([pattern(size).subarray(0, 100)], size - 5);
          expected.write("later", size - 10);
          expect((await contentOfOpen(driver, fd)).equals(expected)).toBe(true);
        });
      }
    },
  },
  {
    name: "truncating moves mtime and ctime, also to the size that the file has",
    notOnTmpfs: "it leaves the times of a file that keeps its size",
    async run({ driver }) {
      for (const size of [0, 5]) {
        await put(driver, { path: "clock" });
        await put(driver, { path: "file", data: "bytes" });
        await driver.truncate("file", size);
        const changes = [
          () => driver.truncate("file", size),
          () =>
            withFile(driver, { path: "file", flags: O.RDWR }, (fd) => driver.ftruncate(fd, size)),
        ];
        for (const change of changes) {
          const before = await driver.stat("file");
          await tick(driver, "clock");
          await change();
          const after = await driver.stat("file");
          expect(compareTimestamps(after.mtime, before.mtime)).toBeGreaterThan(0);
          expect(compareTimestamps(after.ctime, before.ctime)).toBeGreaterThan(0);
          expect(after).toMatchObject({ size, atime: before.atime });
        }
      }
    },
  },
  {
    name: "truncating to nothing frees the space",
    async run({ driver }) {
      await put(driver, { path: "file", data: pattern(500_000) });
      expect((await driver.stat("file")).blocks).toBeGreaterThanOrEqual(500_000 / 512 - 1);
      await driver.truncate("file", 0);
      expect(await driver.stat("file")).toMatchObject({ size: 0, blocks: 0 });
      await settle(driver, "file");
      expect(await driver.stat("file")).toMatchObject({ size: 0, blocks: 0 });
    },
  },
  {
    name: "truncate follows a symlink and wants a regular file",
    async run({ driver }) {
      await put(driver, { path: "file", data: "0123456789" });
      await driver.symlink("file", "link");
      await driver.truncate("link", 3);
      expect(await textOf(driver, "file")).toBe("012");
      await driver.mkdir("directory");
      await driver.mknod("fifo", { mode: S_IFIFO | 0o644 });
      await fails(driver.truncate("directory", 0), "EISDIR");
      await fails(driver.truncate("fifo", 0), "EINVAL");
      await fails(driver.truncate("absent", 0), "ENOENT");
      await fails(driver.truncate("file/below", 0), "ENOTDIR");
      await fails(driver.truncate("file", -1), "EINVAL");
    },
  },
  {
    name: "ftruncate needs a descriptor that may write, and no negative size",
    async run({ driver }) {
      await put(driver, { path: "file", data: "0123456789" });
      await withFile(driver, { path: "file", flags: O.RDONLY }, (fd) =>
        fails(driver.ftruncate(fd, 1), "EINVAL"),
      );
      await withFile(driver, { path: "file", flags: O.RDWR }, (fd) =>
        fails(driver.ftruncate(fd, -1), "EINVAL"),
      );
      expect(await textOf(driver, "file")).toBe("0123456789");
    },
  },
  {
    name: "a file has at most 16 TiB: EFBIG beyond, and nothing has changed",
    nexus: true,
    async run({ driver }) {
      await put(driver, { path: "file", data: "small" });
      await fails(driver.truncate("file", 16 * 1024 ** 4), "EFBIG");
      await withFile(driver, { path: "file", flags: O.RDWR }, async (fd) => {
        const beyond = { offset: 16 * 1024 ** 4, data: Buffer.from("x") };
        await fails(driver.pwrite(fd, beyond), "EFBIG");
        const span = { offset: 16 * 1024 ** 4, length: 10 };
        await fails(driver.fallocate(fd, { ...span, mode: 0 }), "EFBIG");
      });
      expect(await textOf(driver, "file")).toBe("small");
    },
  },
];
