import { closeSync, constants, fstatSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  allocate,
  clone,
  copyRange,
  copyRangeLater,
  FALLOC_KEEP_SIZE,
  FALLOC_PUNCH_HOLE,
  FALLOC_ZERO_RANGE,
  readAt,
  SEEK_DATA,
  SEEK_HOLE,
  seek,
  syncFileSystem,
  tryLock,
  writeAt,
} from "../../src/libc/files.js";
import { bytesOfLength } from "../support/bytes.js";
import { kindOf, kindOfLater } from "../support/error-kind.js";
import { testDir } from "../support/temp-dir.js";

const NO_FD = -1;
const KIB = 1024;

/** A new file with this content, open; closed with the test. */
function file(
  content: Buffer | string = "",
  flags = constants.O_RDWR,
): { fd: number; path: string } {
  const path = join(testDir(), "file");
  writeFileSync(path, content);
  return { fd: open(path, flags), path };
}

function open(path: string, flags: number): number {
  const fd = openSync(path, flags);
  onTestFinished(() => closeSync(fd));
  return fd;
}

describe("readAt", () => {
  test("reads at an offset, and stops at the end of the file", () => {
    const { fd } = file("0123456789");
    const into = Buffer.alloc(4);
    expect(readAt(fd, { into, offset: 3 })).toBe(4);
    expect(into.toString()).toBe("3456");
    expect(readAt(fd, { into, offset: 8 })).toBe(2);
    expect(into.toString()).toBe("8956");
    expect(readAt(fd, { into, offset: 10 })).toBe(0);
    expect(readAt(fd, { into, offset: 2 ** 41 })).toBe(0);
    expect(readAt(fd, { into: Buffer.alloc(0), offset: 0 })).toBe(0);
  });

  test("fails with what the system says", () => {
    const into = Buffer.alloc(1);
    expect(kindOf(() => readAt(NO_FD, { into, offset: 0 }))).toBe("bad-handle");
    const directory = open(testDir(), constants.O_RDONLY);
    expect(kindOf(() => readAt(directory, { into, offset: 0 }))).toBe("is-a-directory");
    expect(kindOf(() => readAt(file().fd, { into, offset: -1 }))).toBe("invalid-argument");
  });
});

describe("writeAt", () => {
  test("writes at an offset, and leaves a hole before it", () => {
    const { fd, path } = file("ab");
    writeAt(fd, { from: Buffer.from("xyz"), offset: 4 });
    expect(readFileSync(path)).toEqual(Buffer.from("ab\0\0xyz"));
    writeAt(fd, { from: Buffer.alloc(0), offset: 100 });
    expect(fstatSync(fd).size).toBe(7);
  });

  test("writes beyond 32 bits where it was told", () => {
    const { fd } = file();
    const offset = 2 ** 33 + 5;
    writeAt(fd, { from: Buffer.from("far"), offset });
    expect(fstatSync(fd).size).toBe(offset + 3);
    const into = Buffer.alloc(3);
    readAt(fd, { into, offset });
    expect(into.toString()).toBe("far");
  });

  test("fails with what the system says", () => {
    const from = Buffer.from("x");
    const { fd } = file("x", constants.O_RDONLY);
    expect(kindOf(() => writeAt(fd, { from, offset: 0 }))).toBe("bad-handle");
    const full = open("/dev/full", constants.O_WRONLY);
    expect(kindOf(() => writeAt(full, { from, offset: 0 }))).toBe("no-space");
  });
});

describe("seek", () => {
  test("finds data and holes, and nothing behind the end", () => {
    const { fd } = file();
    const start = 256 * KIB;
    writeAt(fd, { from: bytesOfLength(64 * KIB), offset: start });
    const data = seek(fd, { offset: 0, whence: SEEK_DATA });
    // A file system may know its holes only roughly.
    expect(data).toBeLessThanOrEqual(start);
    expect(seek(fd, { offset: start + 10, whence: SEEK_DATA })).toBe(start + 10);
    expect(seek(fd, { offset: start, whence: SEEK_HOLE })).toBe(start + 64 * KIB);
    expect(seek(fd, { offset: start + 64 * KIB, whence: SEEK_DATA })).toBeUndefined();
  });

  test("fails with what the system says", () => {
    expect(kindOf(() => seek(NO_FD, { offset: 0, whence: SEEK_DATA }))).toBe("bad-handle");
  });
});

describe("allocate", () => {
  test("extends a file, or not, by its mode", () => {
    const { fd } = file("x");
    allocate(fd, { mode: FALLOC_KEEP_SIZE, offset: 0, length: 64 * KIB });
    expect(fstatSync(fd).size).toBe(1);
    allocate(fd, { mode: 0, offset: 0, length: 64 * KIB });
    expect(fstatSync(fd).size).toBe(64 * KIB);
    expect(fstatSync(fd).blocks * 512).toBeGreaterThanOrEqual(64 * KIB);
  });

  test("punches holes that read as zeros", () => {
    const { fd, path } = file(bytesOfLength(32 * KIB));
    const mode = FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE;
    allocate(fd, { mode, offset: 8 * KIB, length: 16 * KIB });
    const expected = bytesOfLength(32 * KIB).fill(0, 8 * KIB, 24 * KIB);
    expect(readFileSync(path).equals(expected)).toBe(true);
  });

  test("fails with what the system says", () => {
    const { fd } = file("x");
    const span = { offset: 0, length: 10 };
    expect(kindOf(() => allocate(NO_FD, { mode: 0, ...span }))).toBe("bad-handle");
    expect(kindOf(() => allocate(fd, { mode: 0, offset: 0, length: 0 }))).toBe("invalid-argument");
    const unknown = { mode: FALLOC_PUNCH_HOLE | FALLOC_ZERO_RANGE, ...span };
    expect(kindOf(() => allocate(fd, unknown))).toBe("not-supported");
  });
});

describe.each([
  ["copyRange", async (...args: Parameters<typeof copyRange>) => copyRange(...args)],
  ["copyRangeLater", copyRangeLater],
] as const)("%s", (_name, copy) => {
  test("copies between offsets, and answers how much there was", async () => {
    const { fd } = file("0123456789");
    const { fd: to, path } = file("abcdefghij");
    expect(await copy(fd, { to, offset: 2, toOffset: 5, length: 3 })).toBe(3);
    expect(readFileSync(path, "utf8")).toBe("abcde234ij");
    expect(await copy(fd, { to, offset: 8, toOffset: 0, length: 100 })).toBe(2);
    expect(readFileSync(path, "utf8")).toBe("89cde234ij");
    expect(await copy(fd, { to, offset: 10, toOffset: 0, length: 1 })).toBe(0);
  });

  test("fails with what the system says", async () => {
    const { fd: to } = file("", constants.O_RDONLY);
    const { fd } = file("content");
    const span = { offset: 0, toOffset: 0, length: 1 };
    expect(await kindOfLater(copy(fd, { ...span, to }))).toBe("bad-handle");
    const directory = open(testDir(), constants.O_RDONLY);
    expect(await kindOfLater(copy(directory, { ...span, to: fd }))).toBe("is-a-directory");
  });
});

describe("calls on the thread pool", () => {
  test("tell their own error, whatever failed on this thread meanwhile", async () => {
    const directory = open(testDir(), constants.O_RDONLY);
    const { fd } = file("content");
    const span = { offset: 0, toOffset: 0, length: 1 };
    const disturb = () => kindOf(() => readAt(fd, { into: Buffer.alloc(1), offset: -1 }));
    for (let round = 0; round < 20; round++) {
      const kinds = [
        kindOfLater(syncFileSystem(NO_FD)),
        kindOfLater(copyRangeLater(directory, { ...span, to: fd })),
        kindOfLater(syncFileSystem(directory)),
      ];
      expect(disturb()).toBe("invalid-argument");
      const [sync, copy, fine] = await Promise.all(kinds.map((kind) => kind.finally(disturb)));
      expect([sync, copy, fine]).toEqual(["bad-handle", "is-a-directory", undefined]);
    }
  });
});

test("clone shares a file's blocks, or says that this file system can't", () => {
  const { fd: from } = file(bytesOfLength(64 * KIB));
  const { fd: to, path } = file();
  const isShared = clone(from, to);
  expect(readFileSync(path).equals(isShared ? bytesOfLength(64 * KIB) : Buffer.alloc(0))).toBe(
    true,
  );
  expect(clone(from, NO_FD)).toBe(false);
});

describe("tryLock", () => {
  test("is exclusive among those who opened the file themselves, until it is closed", () => {
    const { path } = file();
    const first = openSync(path, "r");
    const second = open(path, constants.O_RDONLY);
    expect(tryLock(first)).toBe(true);
    expect(tryLock(first)).toBe(true);
    expect(tryLock(second)).toBe(false);
    closeSync(first);
    expect(tryLock(second)).toBe(true);
  });

  test("fails with what the system says", () => {
    expect(kindOf(() => tryLock(NO_FD))).toBe("bad-handle");
  });
});
