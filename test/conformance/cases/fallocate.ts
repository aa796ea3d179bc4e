import { expect } from "vitest";
import { S_IFIFO } from "../../../src/model/attributes.js";
import { fails, type PosixCase } from "../posix-case.js";
import { FALLOC, O, type PosixDriver } from "../posix-driver.js";
import { contentOf, contentOfOpen, pattern, put, settle, withFile } from "../posix-steps.js";

const { KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE, COLLAPSE_RANGE, INSERT_RANGE } = FALLOC;
const PUNCH = PUNCH_HOLE | KEEP_SIZE;
const NO_ZERO_RANGE = "it has no FALLOC_FL_ZERO_RANGE";

const SIZE = 200_000;

/** Ranges of a file of 200,000 bytes: inside of a block, whole blocks, across, past the end. */
const RANGES = [
  [100, 50],
  [4096, 4096],
  [0, 65_536],
  [4000, 70_000],
  [199_990, 100],
  [0, 200_000],
  [65_535, 2],
] as const;

/** Does something to the content, at first as it was written and then at rest. */
async function eachWay(
  driver: PosixDriver,
  act: (fd: number, expected: Buffer<ArrayBuffer>) => Promise<void>,
): Promise<void> {
  for (const settled of [false, true]) {
    const expected = Buffer.from(pattern(SIZE));
    await put(driver, { path: "file", data: expected });
    if (settled) await settle(driver, "file");
    await withFile(driver, { path: "file", flags: O.RDWR }, (fd) => act(fd, expected));
  }
}

/** fallocate(2). */
export const FALLOCATE_CASES: readonly PosixCase[] = [
  {
    name: "fallocate lengthens a file with zeros, and changes nothing inside of it",
    async run({ driver }) {
      await eachWay(driver, async (fd, expected) => {
        await driver.fallocate(fd, { offset: 1000, length: 5000, mode: 0 });
        expect((await contentOfOpen(driver, fd)).equals(expected)).toBe(true);
        await driver.fallocate(fd, { offset: SIZE - 10, length: 50_000, mode: 0 });
        const longer = Buffer.concat([expected], SIZE - 10 + 50_000);
        expect((await contentOfOpen(driver, fd)).equals(longer)).toBe(true);
      });
    },
  },
  {
    name: "fallocate takes the blocks, also past the end with KEEP_SIZE, which leaves the size",
    async run({ driver }) {
      await withFile(driver, { path: "file", flags: O.RDWR | O.CREAT, mode: 0o644 }, async (fd) => {
        await driver.fallocate(fd, { offset: 0, length: 1_000_000, mode: 0 });
        expect((await driver.fstat(fd)).size).toBe(1_000_000);
        expect((await driver.fstat(fd)).blocks).toBeGreaterThanOrEqual(1_000_000 / 512);
        await driver.ftruncate(fd, 10);
        await driver.fallocate(fd, { offset: 0, length: 500_000, mode: KEEP_SIZE });
        expect((await driver.fstat(fd)).size).toBe(10);
        expect((await contentOfOpen(driver, fd)).equals(Buffer.alloc(10))).toBe(true);
        await driver.ftruncate(fd, 300_000);
        expect((await contentOfOpen(driver, fd)).equals(Buffer.alloc(300_000))).toBe(true);
      });
    },
  },
  ...RANGES.map(
    ([offset, length]): PosixCase => ({
      name: `a hole of ${length} bytes at ${offset} is zeros, and the rest and the size stay`,
      async run({ driver }) {
        await eachWay(driver, async (fd, expected) => {
          expected.fill(0, offset, Math.min(SIZE, offset + length));
          await driver.fallocate(fd, { offset, length, mode: PUNCH });
          expect((await contentOfOpen(driver, fd)).equals(expected)).toBe(true);
          await driver.dropCache(fd);
          expect((await contentOfOpen(driver, fd)).equals(expected)).toBe(true);
          expect((await driver.fstat(fd)).size).toBe(SIZE);
        });
      },
    }),
  ),
  {
    name: "a hole past the end changes nothing",
    async run({ driver }) {
      await eachWay(driver, async (fd, expected) => {
        await driver.fallocate(fd, { offset: SIZE, length: 1000, mode: PUNCH });
        await driver.fallocate(fd, { offset: 10 * SIZE, length: 1000, mode: PUNCH });
        expect((await contentOfOpen(driver, fd)).equals(expected)).toBe(true);
      });
    },
  },
  {
    name: "a range is zeroed, and only without KEEP_SIZE it lengthens the file",
    notOnTmpfs: NO_ZERO_RANGE,
    async run({ driver }) {
      await eachWay(driver, async (fd, expected) => {
        expected.fill(0, 5000, 80_000);
        await driver.fallocate(fd, { offset: 5000, length: 75_000, mode: ZERO_RANGE });
        expect((await contentOfOpen(driver, fd)).equals(expected)).toBe(true);
        const past = { offset: SIZE - 100, length: 1000 };
        expected.fill(0, SIZE - 100);
        await driver.fallocate(fd, { ...past, mode: ZERO_RANGE | KEEP_SIZE });
        expect((await contentOfOpen(driver, fd)).equals(expected)).toBe(true);
        await driver.fallocate(fd, { ...past, mode: ZERO_RANGE });
        const longer = Buffer.concat([expected], SIZE + 900);
        expect((await contentOfOpen(driver, fd)).equals(longer)).toBe(true);
      });
    },
  },
  {
    name: "fallocate of nothing, or before the start, fails with EINVAL",
    async run({ driver }) {
      await eachWay(driver, async (fd, expected) => {
        for (const mode of [0, KEEP_SIZE, PUNCH]) {
          await fails(driver.fallocate(fd, { offset: 0, length: 0, mode }), "EINVAL");
          await fails(driver.fallocate(fd, { offset: 0, length: -1, mode }), "EINVAL");
          await fails(driver.fallocate(fd, { offset: -1, length: 10, mode }), "EINVAL");
        }
        expect((await contentOfOpen(driver, fd)).equals(expected)).toBe(true);
      });
    },
  },
  {
    name: "fallocate beyond the largest file fails with EFBIG",
    notOnTmpfs: "its largest file is all that a number holds",
    async run({ driver }) {
      await eachWay(driver, async (fd, expected) => {
        for (const span of [
          { offset: 2 ** 62, length: 10 },
          { offset: 10, length: 2 ** 62 },
          { offset: 2 ** 62, length: 2 ** 62 },
        ]) {
          await fails(driver.fallocate(fd, { ...span, mode: 0 }), "EFBIG");
          await fails(driver.fallocate(fd, { ...span, mode: KEEP_SIZE }), "EFBIG");
        }
        expect((await contentOfOpen(driver, fd)).equals(expected)).toBe(true);
      });
    },
  },
  {
    name: "fallocate needs a descriptor that writes: EBADF, of a FIFO ESPIPE",
    needs: ["kernel"],
    async run({ driver }) {
      await put(driver, { path: "file", data: "content" });
      await driver.mknod("fifo", { mode: S_IFIFO | 0o600 });
      const request = { offset: 0, length: 100, mode: 0 };
      await withFile(driver, { path: "file", flags: O.RDONLY }, (fd) =>
        fails(driver.fallocate(fd, request), "EBADF"),
      );
      await withFile(driver, { path: ".", flags: O.RDONLY }, (fd) =>
        fails(driver.fallocate(fd, request), "EBADF"),
      );
      await withFile(driver, { path: "fifo", flags: O.RDWR }, (fd) =>
        fails(driver.fallocate(fd, request), "ESPIPE"),
      );
    },
  },
  {
    name: "a hole without KEEP_SIZE, and modes that exclude each other, fail with EOPNOTSUPP",
    needs: ["kernel"],
    async run({ driver }) {
      await eachWay(driver, async (fd, expected) => {
        for (const mode of [PUNCH_HOLE, PUNCH | ZERO_RANGE, 0x1000]) {
          const request = { offset: 0, length: 4096, mode };
          await fails(driver.fallocate(fd, request), "EOPNOTSUPP");
        }
        expect((await contentOfOpen(driver, fd)).equals(expected)).toBe(true);
      });
    },
  },
  {
    name: "ranges can't be collapsed or inserted: EOPNOTSUPP, and the file is what it was",
    nexus: true,
    async run({ driver }) {
      const size = 3 * 4096;
      await put(driver, { path: "file", data: pattern(size) });
      const before = await driver.stat("file");
      await withFile(driver, { path: "file", flags: O.RDWR }, async (fd) => {
        for (const mode of [COLLAPSE_RANGE, INSERT_RANGE]) {
          await fails(driver.fallocate(fd, { offset: 4096, length: 4096, mode }), "EOPNOTSUPP");
        }
      });
      expect((await contentOf(driver, "file")).equals(pattern(size))).toBe(true);
      const { mtime, ctime } = before;
      expect(await driver.stat("file")).toMatchObject({ size, mtime, ctime });
    },
  },
];
