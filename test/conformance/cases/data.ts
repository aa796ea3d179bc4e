import { expect } from "vitest";
import { fails, type PosixCase } from "../posix-case.js";
import { O } from "../posix-driver.js";
import {
  contentOf,
  contentOfOpen,
  pattern,
  put,
  settle,
  textOf,
  withFile,
  writeAll,
} from "../posix-steps.js";

const KIB = 1024;

/** Sizes around those at which some buffer or page of somebody's ends. */
const SIZES = [1, 4095, 4096, 4097, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, 1_048_577];

/** read(2), write(2), lseek(2): positions, ends, gaps. */
export const DATA_CASES: readonly PosixCase[] = [
  {
    name: "what is written reads back, and both move the position",
    async run({ driver }) {
      const flags = O.RDWR | O.CREAT;
      await withFile(driver, { path: "file", flags, mode: 0o644 }, async (fd) => {
        expect(await driver.write(fd, Buffer.from("hello "))).toBe(6);
        expect(await driver.write(fd, Buffer.from("world"))).toBe(5);
        expect(await driver.lseek(fd, { offset: 0, whence: "current" })).toBe(11);
        await driver.lseek(fd, { offset: 3, whence: "set" });
        expect((await driver.read(fd, 5)).toString()).toBe("lo wo");
        expect((await driver.read(fd, 50)).toString()).toBe("rld");
        expect(await driver.read(fd, 50)).toHaveLength(0);
      });
    },
  },
  {
    name: "reading at or past the end gives nothing",
    async run({ driver }) {
      await put(driver, { path: "file", data: "12345" });
      await put(driver, { path: "empty" });
      await withFile(driver, { path: "file", flags: O.RDONLY }, async (fd) => {
        expect(await driver.pread(fd, { offset: 5, length: 10 })).toHaveLength(0);
        expect(await driver.pread(fd, { offset: 2 ** 40, length: 10 })).toHaveLength(0);
        expect((await driver.pread(fd, { offset: 4, length: 10 })).toString()).toBe("5");
        expect(await driver.pread(fd, { offset: 0, length: 0 })).toHaveLength(0);
      });
      expect(await contentOf(driver, "empty")).toHaveLength(0);
    },
  },
  {
    name: "pread and pwrite leave the position alone",
    async run({ driver }) {
      await put(driver, { path: "file", data: "0123456789" });
      await withFile(driver, { path: "file", flags: O.RDWR }, async (fd) => {
        await driver.read(fd, 2);
        await driver.pwrite(fd, { offset: 8, data: Buffer.from("XY") });
        expect((await driver.pread(fd, { offset: 7, length: 3 })).toString()).toBe("7XY");
        expect((await driver.read(fd, 2)).toString()).toBe("23");
        await fails(driver.pread(fd, { offset: -1, length: 1 }), "EINVAL");
        await fails(driver.pwrite(fd, { offset: -1, data: Buffer.from("x") }), "EINVAL");
      });
    },
  },
  {
    name: "lseek counts from the start, the position and the end, and not below zero",
    async run({ driver }) {
      await put(driver, { path: "file", data: "0123456789" });
      await withFile(driver, { path: "file", flags: O.RDONLY }, async (fd) => {
        expect(await driver.lseek(fd, { offset: 4, whence: "set" })).toBe(4);
        expect(await driver.lseek(fd, { offset: 3, whence: "current" })).toBe(7);
        expect(await driver.lseek(fd, { offset: -2, whence: "end" })).toBe(8);
        expect((await driver.read(fd, 9)).toString()).toBe("89");
        expect(await driver.lseek(fd, { offset: 5, whence: "end" })).toBe(15);
        await fails(driver.lseek(fd, { offset: -1, whence: "set" }), "EINVAL");
        await fails(driver.lseek(fd, { offset: -11, whence: "end" }), "EINVAL");
        expect(await driver.lseek(fd, { offset: 0, whence: "current" })).toBe(15);
      });
    },
  },
  {
    name: "a position past the end is no size until something is written there",
    async run({ driver }) {
      await put(driver, { path: "file", data: "abc" });
      await withFile(driver, { path: "file", flags: O.RDWR }, async (fd) => {
        await driver.lseek(fd, { offset: 10, whence: "set" });
        expect(await driver.read(fd, 1)).toHaveLength(0);
        expect((await driver.fstat(fd)).size).toBe(3);
        await driver.write(fd, Buffer.from("z"));
      });
      expect(await textOf(driver, "file")).toBe("abc\0\0\0\0\0\0\0z");
    },
  },
  {
    name: "writing no bytes changes nothing, not even past the end",
    async run({ driver }) {
      await put(driver, { path: "file", data: "abc" });
      const before = await driver.stat("file");
      await withFile(driver, { path: "file", flags: O.RDWR }, async (fd) => {
        expect(await driver.write(fd, Buffer.alloc(0))).toBe(0);
        expect(await driver.pwrite(fd, { offset: 100, data: Buffer.alloc(0) })).toBe(0);
      });
      const after = await driver.stat("file");
      expect(after).toMatchObject({ size: 3, mtime: before.mtime, ctime: before.ctime });
    },
  },
  {
    name: "overwriting in the middle keeps the rest, before and after the content has settled",
    async run({ driver }) {
      for (const size of [100, 70_000, 300_000]) {
        const expected = pattern(size);
        await put(driver, { path: "file", data: expected });
        for (const [index, at] of [0, size >> 1, size - 7].entries()) {
          if (index > 0) await settle(driver, "file");
          await withFile(driver, { path: "file", flags: O.WRONLY }, (fd) =>
            driver.pwrite(fd, { offset: at, data: Buffer.from(`part ${index}`) }),
          );
          expected.write(`part ${index}`, at);
          expect((await contentOf(driver, "file")).equals(expected)).toBe(true);
        }
      }
    },
  },
  {
    name: "one descriptor reads at once what another has written",
    async run({ driver }) {
      await put(driver, { path: "file", data: "old" });
      await settle(driver, "file");
      await withFile(driver, { path: "file", flags: O.RDONLY }, (reader) =>
        withFile(driver, { path: "file", flags: O.WRONLY }, async (writer) => {
          expect((await contentOfOpen(driver, reader)).toString()).toBe("old");
          await driver.pwrite(writer, { offset: 0, data: Buffer.from("NEW and longer") });
          expect((await driver.fstat(reader)).size).toBe(14);
          expect((await contentOfOpen(driver, reader)).toString()).toBe("NEW and longer");
          await driver.pwrite(writer, { offset: 90_000, data: Buffer.from("far") });
          expect((await driver.pread(reader, { offset: 89_999, length: 9 })).toString()).toBe(
            "\0far",
          );
        }),
      );
    },
  },
  ...SIZES.map(
    (size): PosixCase => ({
      name: `${size} bytes written at once read back, also once they have settled`,
      async run({ driver }) {
        const data = pattern(size, size);
        await put(driver, { path: "file", data });
        expect((await contentOf(driver, "file")).equals(data)).toBe(true);
        await settle(driver, "file");
        await withFile(driver, { path: "file", flags: O.RDONLY }, async (fd) => {
          await driver.dropCache(fd);
          expect((await contentOfOpen(driver, fd)).equals(data)).toBe(true);
        });
        expect((await driver.stat("file")).size).toBe(size);
      },
    }),
  ),
  {
    name: "a file grows by small appends across 64 KiB and 128 KiB",
    async run({ driver }) {
      const expected = pattern(150_000);
      const flags = O.WRONLY | O.CREAT | O.APPEND;
      await withFile(driver, { path: "log", flags, mode: 0o644 }, async (fd) => {
        for (let at = 0; at < expected.length; at += 1000) {
          await driver.write(fd, expected.subarray(at, at + 1000));
        }
      });
      expect((await contentOf(driver, "log")).equals(expected)).toBe(true);
    },
  },
  {
    name: "a log that is opened, appended to and closed two hundred times is complete",
    async run({ driver }) {
      const expected = pattern(200 * 700);
      for (let at = 0; at < expected.length; at += 700) {
        const flags = O.WRONLY | O.CREAT | O.APPEND;
        await withFile(driver, { path: "log", flags, mode: 0o644 }, (fd) =>
          driver.write(fd, expected.subarray(at, at + 700)),
        );
        if (at === 700 * 60 || at === 700 * 120) await settle(driver, "log");
      }
      expect((await contentOf(driver, "log")).equals(expected)).toBe(true);
    },
  },
  {
    name: "a small file grows past 64 KiB by one write far behind its end",
    async run({ driver }) {
      for (const at of [64 * KIB - 2, 64 * KIB, 100 * KIB, 1024 * KIB]) {
        await put(driver, { path: "file", data: "start" });
        await withFile(driver, { path: "file", flags: O.RDWR }, async (fd) => {
          await driver.pwrite(fd, { offset: at, data: Buffer.from("the end") });
          const expected = Buffer.alloc(at + 7);
          expected.write("start");
          expected.write("the end", at);
          expect((await contentOfOpen(driver, fd)).equals(expected)).toBe(true);
        });
        await settle(driver, "file");
        expect((await driver.stat("file")).size).toBe(at + 7);
      }
    },
  },
  {
    name: "pieces written in any order make the whole file",
    async run({ driver }) {
      const piece = 128 * KIB;
      const expected = pattern(3 * 1024 * KIB + 123);
      const pieces = Math.ceil(expected.length / piece);
      const flags = O.WRONLY | O.CREAT;
      await withFile(driver, { path: "file", flags, mode: 0o644 }, async (fd) => {
        for (let step = 0; step < pieces; step++) {
          const at = ((step * 7) % pieces) * piece;
          await driver.pwrite(fd, { offset: at, data: expected.subarray(at, at + piece) });
        }
      });
      expect((await contentOf(driver, "file")).equals(expected)).toBe(true);
    },
  },
  {
    name: "files with equal contents stay independent",
    async run({ driver }) {
      for (const size of [50, 200_000]) {
        const data = pattern(size, 77);
        for (const path of ["a", "b", "c"]) await put(driver, { path, data });
        for (const path of ["a", "b", "c"]) await settle(driver, path);
        await withFile(driver, { path: "a", flags: O.WRONLY }, (fd) =>
          driver.pwrite(fd, { offset: 20, data: Buffer.from("changed") }),
        );
        await driver.truncate("b", 10);
        expect((await contentOf(driver, "c")).equals(data)).toBe(true);
        const changed = Buffer.from(data);
        changed.write("changed", 20);
        expect((await contentOf(driver, "a")).equals(changed)).toBe(true);
        expect((await contentOf(driver, "b")).equals(data.subarray(0, 10))).toBe(true);
        await driver.unlink("a");
        await settle(driver, "b");
        expect((await contentOf(driver, "c")).equals(data)).toBe(true);
      }
    },
  },
  {
    name: "three hundred files keep their own contents",
    isLarge: true,
    async run({ driver }) {
      for (let index = 0; index < 300; index++) {
        await put(driver, { path: `file-${index}`, data: pattern(index * 11, index) });
      }
      for (let index = 0; index < 300; index++) {
        const content = await contentOf(driver, `file-${index}`);
        expect(content.equals(pattern(index * 11, index))).toBe(true);
      }
    },
  },
  {
    name: "one large write crosses every boundary on its way",
    async run({ driver }) {
      const data = pattern(5 * 1024 * KIB + 17);
      const flags = O.RDWR | O.CREAT;
      await withFile(driver, { path: "file", flags, mode: 0o644 }, async (fd) => {
        await writeAll(driver, { fd, data: Buffer.from("odd") });
        await writeAll(driver, { fd, data });
        await driver.dropCache(fd);
        const expected = Buffer.concat([Buffer.from("odd"), data]);
        expect((await contentOfOpen(driver, fd)).equals(expected)).toBe(true);
      });
    },
  },
];
