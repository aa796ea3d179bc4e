import { expect, test } from "vitest";
import {
  listedArray,
  statArray,
  statvfsArray,
} from "../../../../src/fuse/binding/fuse-native/stat-array.js";
import type { Ino } from "../../../../src/model/ids.js";

/** What `uint32s_to_uint64` of the C side makes of two numbers. */
function whole(ints: Uint32Array, at: number): number {
  return (ints[at] ?? 0) + (ints[at + 1] ?? 0) * 2 ** 32;
}

test("attributes are where the C side reads them, times in whole milliseconds from 1970 on", () => {
  const ints = statArray({
    ...{ ino: 42 as Ino, mode: 0o100644, uid: 1, gid: 2, nlink: 0, rdev: 3 },
    ...{ sizeBytes: 2 ** 40 + 5, blocks: 2 ** 33 },
    atime: { sec: 1_700_000_000, nsec: 999_999_999 },
    mtime: { sec: -5, nsec: 0 },
    ctime: { sec: 0, nsec: 1_000_000 },
    btime: { sec: 0, nsec: 0 },
  });
  expect([...ints.slice(0, 3)]).toEqual([0o100644, 1, 2]);
  expect(whole(ints, 3)).toBe(2 ** 40 + 5);
  expect([...ints.slice(5, 10)]).toEqual([0, 0, 42, 3, 4096]);
  expect(whole(ints, 10)).toBe(2 ** 33);
  expect([12, 14, 16].map((at) => whole(ints, at))).toEqual([1_700_000_000_999, 0, 1]);
  expect(ints).toHaveLength(18);
});

test("what is virtual has numbers of its own, which no file has", () => {
  const numbers = [2 ** 52, 2 ** 52 + 1, 2 ** 52 + 7].map(
    (ino) => listedArray({ mode: 0, ino })[7],
  );
  expect(numbers).toEqual([0xf000_0000, 0xf000_0001, 0xf000_0007]);
  expect(listedArray({ mode: 0, ino: 7 })[7]).toBe(7);
});

test("a file system too large for 32 bits is told in larger blocks, never larger than it is", () => {
  const small = { blockBytes: 4096, files: 10, filesFree: 2 ** 40, nameMaxBytes: 255 };
  const ints = statvfsArray({ ...small, blocks: 100, blocksFree: 50, blocksAvailable: 40 });
  expect([...ints]).toEqual([4096, 4096, 100, 50, 40, 10, 2 ** 32 - 1, 2 ** 32 - 1, 0, 0, 255]);
  for (const blocks of [2 ** 32 - 1, 2 ** 32, 2 ** 32 + 5, 3 * 2 ** 33]) {
    const large = statvfsArray({ ...small, blocks, blocksFree: blocks, blocksAvailable: 7 });
    const bytes = (large[1] ?? 0) * (large[2] ?? 0);
    expect(bytes).toBeLessThanOrEqual(blocks * 4096);
    expect(bytes).toBeGreaterThan((blocks - 16) * 4096);
  }
});
