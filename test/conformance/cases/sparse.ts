import { expect } from "vitest";
import { fails, type PosixCase } from "../posix-case.js";
import { FALLOC, O, type PosixDriver } from "../posix-driver.js";
import { contentOf, contentOfOpen, pattern, put, settle, withFile } from "../posix-steps.js";

/** More than a block of any file system. */
const UNIT = 64 * 1024;

const PUNCH = FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE;

/** Where data and holes begin, as lseek tells: `D0 H65536 D131072`. Ends with the hole at the end. */
async function layoutOf(driver: PosixDriver, fd: number): Promise<string> {
  const parts: string[] = [];
  for (let offset = 0; ; ) {
    const data = await driver.lseek(fd, { offset, whence: "data" }).catch(() => undefined);
    if (data === undefined) return parts.join(" ");
    offset = await driver.lseek(fd, { offset: data, whence: "hole" });
    parts.push(`D${data / UNIT} H${offset / UNIT}`);
  }
}

/** A file with data in these units, and holes in the others, to its end. */
async function makeSparse(
  driver: PosixDriver,
  { data, units }: { data: readonly number[]; units: number },
): Promise<void> {
  await put(driver, { path: "file" });
  await driver.truncate("file", units * UNIT);
  await withFile(driver, { path: "file", flags: O.WRONLY }, async (fd) => {
    for (const unit of data) {
      await driver.pwrite(fd, { offset: unit * UNIT, data: pattern(UNIT, unit + 1) });
    }
  });
}

const LAYOUTS: Readonly<Record<string, { data: number[]; units: number; layout: string }>> = {
  "no hole": { data: [0, 1], units: 2, layout: "D0 H2" },
  "nothing but a hole": { data: [], units: 3, layout: "" },
  "a hole before": { data: [2], units: 3, layout: "D2 H3" },
  "a hole between": { data: [0, 3], units: 4, layout: "D0 H1 D3 H4" },
  "a hole at the end": { data: [0], units: 5, layout: "D0 H1" },
  "holes everywhere": { data: [1, 3, 5], units: 7, layout: "D1 H2 D3 H4 D5 H6" },
};

/** SEEK_DATA and SEEK_HOLE of lseek(2), and the blocks of what was never written. */
export const SPARSE_CASES: readonly PosixCase[] = [
  ...Object.entries(LAYOUTS).map(
    ([name, { data, units, layout }]): PosixCase => ({
      name: `of a file with ${name}, lseek finds where data and holes begin`,
      async run({ driver }) {
        await makeSparse(driver, { data, units });
        for (const settled of [false, true]) {
          if (settled) await settle(driver, "file");
          await withFile(driver, { path: "file", flags: O.RDONLY }, async (fd) => {
            expect(await layoutOf(driver, fd)).toBe(layout);
          });
        }
      },
    }),
  ),
  {
    name: "lseek to data or a hole at the end, past it or before the start fails with ENXIO",
    async run({ driver }) {
      await makeSparse(driver, { data: [0], units: 2 });
      await put(driver, { path: "empty" });
      await withFile(driver, { path: "file", flags: O.RDONLY }, async (fd) => {
        await driver.lseek(fd, { offset: 5, whence: "set" });
        for (const whence of ["data", "hole"] as const) {
          for (const offset of [2 * UNIT, 2 * UNIT + 1, 2 ** 40, -1]) {
            await fails(driver.lseek(fd, { offset, whence }), "ENXIO");
          }
        }
        await fails(driver.lseek(fd, { offset: UNIT, whence: "data" }), "ENXIO");
        expect(await driver.lseek(fd, { offset: 2 * UNIT - 1, whence: "hole" })).toBe(2 * UNIT - 1);
        await driver.lseek(fd, { offset: 5, whence: "set" });
        await fails(driver.lseek(fd, { offset: 2 * UNIT, whence: "hole" }), "ENXIO");
        expect(await driver.lseek(fd, { offset: 0, whence: "current" })).toBe(5);
      });
      await withFile(driver, { path: "empty", flags: O.RDONLY }, async (fd) => {
        for (const whence of ["data", "hole"] as const) {
          await fails(driver.lseek(fd, { offset: 0, whence }), "ENXIO");
        }
      });
    },
  },
  {
    name: "lseek to data stays inside of data, to a hole inside of a hole, and moves the position",
    async run({ driver }) {
      await makeSparse(driver, { data: [0, 2], units: 4 });
      await withFile(driver, { path: "file", flags: O.RDONLY }, async (fd) => {
        expect(await driver.lseek(fd, { offset: 100, whence: "data" })).toBe(100);
        expect(await driver.lseek(fd, { offset: 0, whence: "current" })).toBe(100);
        expect(await driver.lseek(fd, { offset: UNIT + 100, whence: "hole" })).toBe(UNIT + 100);
        expect(await driver.lseek(fd, { offset: UNIT + 100, whence: "data" })).toBe(2 * UNIT);
        expect((await driver.read(fd, 100)).equals(pattern(100, 3))).toBe(true);
      });
    },
  },
  {
    name: "a hole that is punched is found at once, and one that is written to is gone",
    async run({ driver }) {
      await makeSparse(driver, { data: [0, 1, 2, 3], units: 4 });
      await settle(driver, "file");
      await withFile(driver, { path: "file", flags: O.RDWR }, async (fd) => {
        await driver.fallocate(fd, { offset: UNIT, length: 2 * UNIT, mode: PUNCH });
        expect(await layoutOf(driver, fd)).toBe("D0 H1 D3 H4");
        await driver.pwrite(fd, { offset: UNIT, data: pattern(UNIT, 9) });
        expect(await layoutOf(driver, fd)).toBe("D0 H2 D3 H4");
        await driver.ftruncate(fd, UNIT);
        await driver.ftruncate(fd, 3 * UNIT);
        expect(await layoutOf(driver, fd)).toBe("D0 H1");
      });
    },
  },
  {
    name: "a file that was only truncated up takes no blocks, and reads as zeros",
    async run({ driver }) {
      await put(driver, { path: "file" });
      await driver.truncate("file", 100 * UNIT);
      for (const settled of [false, true]) {
        if (settled) await settle(driver, "file");
        const { size, blocks } = await driver.stat("file");
        expect(size).toBe(100 * UNIT);
        expect(blocks).toBeLessThanOrEqual(16);
      }
      expect((await contentOf(driver, "file")).equals(Buffer.alloc(100 * UNIT))).toBe(true);
    },
  },
  {
    name: "blocks count what was written, and what is punched out goes",
    async run({ driver }) {
      const KIB = 2; // blocks of 512 bytes
      await makeSparse(driver, { data: [0, 50, 99], units: 100 });
      await withFile(driver, { path: "file", flags: O.RDWR }, async (fd) => {
        await driver.fsync(fd);
        const { blocks } = await driver.fstat(fd);
        expect(blocks).toBeGreaterThanOrEqual(3 * 64 * KIB);
        expect(blocks).toBeLessThanOrEqual(3 * 64 * KIB + 32);
        await driver.fallocate(fd, { offset: 50 * UNIT, length: UNIT, mode: PUNCH });
        await driver.fsync(fd);
        const after = (await driver.fstat(fd)).blocks;
        expect(after).toBeGreaterThanOrEqual(2 * 64 * KIB);
        expect(after).toBeLessThanOrEqual(2 * 64 * KIB + 32);
        expect((await contentOfOpen(driver, fd)).length).toBe(100 * UNIT);
      });
    },
  },
  {
    name: "one byte far out makes a large file of few blocks",
    async run({ driver }) {
      const far = 2 ** 40;
      await put(driver, { path: "file", data: "start" });
      await withFile(driver, { path: "file", flags: O.RDWR }, async (fd) => {
        await driver.pwrite(fd, { offset: far, data: Buffer.from("end") });
        await driver.fsync(fd);
        const { size, blocks } = await driver.fstat(fd);
        expect(size).toBe(far + 3);
        expect(blocks).toBeLessThanOrEqual(128);
        expect((await driver.pread(fd, { offset: far - 3, length: 9 })).toString()).toBe(
          "\0\0\0end",
        );
        expect(await driver.lseek(fd, { offset: UNIT, whence: "data" })).toBeGreaterThan(
          far - UNIT,
        );
        // Before it is at rest: nobody hashes it.
        await driver.ftruncate(fd, 5);
        expect((await contentOfOpen(driver, fd)).toString()).toBe("start");
      });
    },
  },
];
