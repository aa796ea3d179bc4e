import { expect } from "vitest";
import { S_IFIFO } from "../../../src/model/attributes.js";
import { fails, type PosixCase } from "../posix-case.js";
import { type CopyRequest, O, type PosixDriver } from "../posix-driver.js";
import { contentOf, pattern, put, settle, textOf, withFile } from "../posix-steps.js";

/** Opens both, `source` to read and `target` to write. */
async function withBoth<T>(
  driver: PosixDriver,
  use: (from: number, to: number) => Promise<T>,
  flags = O.RDWR,
): Promise<T> {
  return await withFile(driver, { path: "source", flags: O.RDONLY }, (from) =>
    withFile(driver, { path: "target", flags }, (to) => use(from, to)),
  );
}

/** Copies all that is asked for, as a program does: a call may copy less. */
async function copyAll(
  driver: PosixDriver,
  { from, offset, toOffset, to, length }: Required<CopyRequest> & { from: number },
): Promise<number> {
  for (let done = 0; ; ) {
    const rest = { offset: offset + done, to, toOffset: toOffset + done, length: length - done };
    const copied = rest.length === 0 ? 0 : await driver.copyFileRange(from, rest);
    done += copied;
    if (copied === 0) return done;
  }
}

/** Lengths and places around which somebody's block or page ends: source, target, length. */
const SPANS = [
  [0, 0, 1],
  [0, 0, 300_000],
  [1, 0, 4096],
  [4096, 65_536, 4096],
  [65_535, 3, 70_000],
  [299_999, 0, 1],
  [100_000, 500_000, 200_000],
] as const;

/** copy_file_range(2). */
export const COPY_RANGE_CASES: readonly PosixCase[] = [
  ...SPANS.map(
    ([offset, toOffset, length]): PosixCase => ({
      name: `a copy of ${length} bytes at ${offset} to ${toOffset} changes these and no others`,
      async run({ driver }) {
        const source = pattern(300_000, 1);
        for (const settled of [false, true]) {
          await put(driver, { path: "source", data: source });
          await put(driver, { path: "target", data: pattern(200_000, 2) });
          if (settled) for (const path of ["source", "target"]) await settle(driver, path);
          const copied = await withBoth(driver, (from, to) =>
            copyAll(driver, { from, offset, to, toOffset, length }),
          );
          expect(copied).toBe(length);
          const size = Math.max(200_000, toOffset + length);
          const expected = Buffer.concat([pattern(200_000, 2)], size);
          source.copy(expected, toOffset, offset, offset + length);
          expect((await contentOf(driver, "target")).equals(expected)).toBe(true);
          expect((await contentOf(driver, "source")).equals(source)).toBe(true);
        }
      },
    }),
  ),
  {
    name: "a copy ends where the source does, and past that there is nothing: 0",
    async run({ driver }) {
      await put(driver, { path: "source", data: "0123456789" });
      await put(driver, { path: "target", data: "target" });
      await withBoth(driver, async (from, to) => {
        const copy = (offset: number, length: number) =>
          driver.copyFileRange(from, { offset, to, toOffset: 0, length });
        for (const offset of [10, 11, 2 ** 40]) expect(await copy(offset, 5)).toBe(0);
        expect(await copy(0, 0)).toBe(0);
        expect((await driver.fstat(to)).size).toBe(6);
        expect(await copy(7, 1000)).toBe(3);
      });
      expect(await textOf(driver, "target")).toBe("789get");
    },
  },
  {
    name: "without offsets a copy goes on where the descriptors are, and moves both",
    async run({ driver }) {
      await put(driver, { path: "source", data: "0123456789" });
      await put(driver, { path: "target" });
      await withBoth(driver, async (from, to) => {
        await driver.lseek(from, { offset: 2, whence: "set" });
        expect(await driver.copyFileRange(from, { to, length: 3 })).toBe(3);
        expect(await driver.copyFileRange(from, { to, length: 100 })).toBe(5);
        expect(await driver.copyFileRange(from, { to, length: 100 })).toBe(0);
        const position = { offset: 0, whence: "current" } as const;
        expect(await driver.lseek(from, position)).toBe(10);
        expect(await driver.lseek(to, position)).toBe(8);
        expect(await driver.copyFileRange(from, { offset: 0, to, length: 1 })).toBe(1);
        expect(await driver.lseek(from, position)).toBe(10);
        expect(await driver.lseek(to, position)).toBe(9);
      });
      expect(await textOf(driver, "target")).toBe("234567890");
    },
  },
  {
    name: "in one file ranges may touch, and fail with EINVAL when they overlap",
    async run({ driver }) {
      await put(driver, { path: "target", data: "0123456789" });
      await withFile(driver, { path: "target", flags: O.RDWR }, (from) =>
        withFile(driver, { path: "target", flags: O.RDWR }, async (to) => {
          const copy = (offset: number, toOffset: number) =>
            driver.copyFileRange(from, { offset, to, toOffset, length: 4 });
          for (const [offset, toOffset] of [
            [0, 0],
            [0, 3],
            [3, 0],
            [4, 5],
          ] as const) {
            await fails(copy(offset, toOffset), "EINVAL");
          }
          expect(await copy(0, 4)).toBe(4);
          expect(await copy(8, 10)).toBe(2);
        }),
      );
      expect(await textOf(driver, "target")).toBe("012301238989");
    },
  },
  {
    name: "a copy needs a descriptor that reads and one that writes, and not at the end: EBADF",
    async run({ driver }) {
      await put(driver, { path: "source", data: "source" });
      await put(driver, { path: "target", data: "target" });
      const copying = (from: number, to: number) => driver.copyFileRange(from, { to, length: 3 });
      await withBoth(driver, async (from, to) => {
        await fails(copying(to, from), "EBADF");
        await fails(driver.copyFileRange(from, { to: 9999, length: 3 }), "EBADF");
      });
      await withBoth(driver, (from, to) => fails(copying(from, to), "EBADF"), O.RDONLY);
      await withBoth(driver, (from, to) => fails(copying(to, from), "EBADF"), O.WRONLY);
      const appending = O.WRONLY | O.APPEND;
      await withBoth(driver, (from, to) => fails(copying(from, to), "EBADF"), appending);
      expect(await textOf(driver, "target")).toBe("target");
    },
  },
  {
    name: "a directory is neither source nor target of a copy: EISDIR; and a FIFO is: EINVAL",
    needs: ["kernel"],
    async run({ driver }) {
      await put(driver, { path: "target", data: "target" });
      await driver.mknod("fifo", { mode: S_IFIFO | 0o600 });
      await withFile(driver, { path: "target", flags: O.RDWR }, async (file) => {
        await withFile(driver, { path: ".", flags: O.RDONLY }, async (directory) => {
          await fails(driver.copyFileRange(directory, { to: file, length: 1 }), "EISDIR");
          await fails(driver.copyFileRange(file, { to: directory, length: 1 }), "EISDIR");
        });
        await withFile(driver, { path: "fifo", flags: O.RDWR }, async (fifo) => {
          await fails(driver.copyFileRange(fifo, { to: file, length: 1 }), "EINVAL");
          await fails(driver.copyFileRange(file, { to: fifo, length: 1 }), "EINVAL");
        });
      });
      expect(await textOf(driver, "target")).toBe("target");
    },
  },
  {
    name: "a copy of a file with holes has the same bytes, of all sizes",
    async run({ driver }) {
      for (const at of [0, 100_000, 3_000_000]) {
        await put(driver, { path: "source" });
        await withFile(driver, { path: "source", flags: O.RDWR }, async (fd) => {
          await driver.pwrite(fd, { offset: at, data: pattern(5000, at) });
          await driver.ftruncate(fd, at + 1_000_000);
        });
        await settle(driver, "source");
        await put(driver, { path: "target" });
        const length = at + 1_000_000;
        await withBoth(driver, (from, to) =>
          copyAll(driver, { from, offset: 0, to, toOffset: 0, length }),
        );
        const [source, target] = [
          await contentOf(driver, "source"),
          await contentOf(driver, "target"),
        ];
        expect(source.length).toBe(length);
        expect(target.equals(source)).toBe(true);
      }
    },
  },
  {
    name: "a copy stays what it is when the source changes, and the source when the copy does",
    async run({ driver }) {
      for (const size of [100, 500_000]) {
        const data = pattern(size);
        await put(driver, { path: "source", data });
        await put(driver, { path: "target" });
        await withBoth(driver, (from, to) =>
          copyAll(driver, { from, offset: 0, to, toOffset: 0, length: size }),
        );
        for (const path of ["source", "target"]) {
          const other = path === "source" ? "target" : "source";
          const before = await contentOf(driver, other);
          await withFile(driver, { path, flags: O.WRONLY }, (fd) =>
            driver.pwrite(fd, { offset: 50, data: Buffer.from(`changed in ${path}`) }),
          );
          expect((await contentOf(driver, other)).equals(before)).toBe(true);
        }
        await driver.unlink("source");
        const expected = Buffer.from(data);
        expected.write("changed in target", 50);
        expect((await contentOf(driver, "target")).equals(expected)).toBe(true);
      }
    },
  },
];
