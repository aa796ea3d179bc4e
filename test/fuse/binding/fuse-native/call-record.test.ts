import { arch, platform } from "node:os";
import koffi from "koffi";
import { describe, expect, test } from "vitest";
import {
  createFlagsOf,
  mtimeOf,
  writeFlagsOf,
} from "../../../../src/fuse/binding/fuse-native/call-record.js";

const isKnown = platform() === "linux" && ["x64", "arm64"].includes(arch());

/** A record of the C side, as 64-bit Linux has it. */
function record({ atime = 0n, mtime = 0n, mode = 0, info = 0n } = {}): Buffer {
  const bytes = Buffer.alloc(264);
  bytes.writeBigUInt64LE(info, 48);
  bytes.writeUInt32LE(mode, 80);
  bytes.writeBigInt64LE(atime, 104);
  bytes.writeBigInt64LE(mtime, 112);
  return bytes;
}

describe.skipIf(!isKnown)("the record of a call", () => {
  test("has the modification time, also before 1970", () => {
    expect(mtimeOf(record({ atime: 5n, mtime: 7n }), { atimeMs: 5 })).toBe(7);
    expect(mtimeOf(record({ atime: -5n, mtime: -7n }), { atimeMs: -5 })).toBe(-7);
  });

  test("isn't believed when it doesn't have what is known", () => {
    expect(mtimeOf(record({ atime: 6n, mtime: 7n }), { atimeMs: 5 })).toBeUndefined();
    expect(mtimeOf(Buffer.alloc(64), { atimeMs: 0 })).toBeUndefined();
    expect(createFlagsOf(record({ mode: 1 }), { mode: 2 })).toBeUndefined();
    expect(createFlagsOf(record(), { mode: 0 })).toBeUndefined();
  });

  test("leads to the flags of who writes to the file that is known, but for a mapping's pages", () => {
    const info = Buffer.alloc(40);
    info.writeInt32LE(0o2002, 0);
    info.writeInt32LE(7, 24);
    const ofWrite = record({ info: BigInt(koffi.address(info)) });
    expect(writeFlagsOf(ofWrite, { file: 7 })).toBe(0o2002);
    expect(writeFlagsOf(ofWrite, { file: 8 })).toBeUndefined();
    expect(writeFlagsOf(record(), { file: 0 })).toBeUndefined();
    info.writeInt32LE(1, 16);
    expect(writeFlagsOf(ofWrite, { file: 7 })).toBe(0);
  });

  test("leads to the flags with which a file is created", () => {
    const info = Buffer.alloc(40);
    info.writeInt32LE(0o302, 0);
    const record0 = record({ mode: 0o100600, info: BigInt(koffi.address(info)) });
    expect(createFlagsOf(record0, { mode: 0o100600 })).toBe(0o302);
  });
});
