import { constants } from "node:os";
import { describe, expect, test } from "vitest";
import { FATTR } from "../../../src/fuse/protocol/constants.js";
import { S_IFBLK } from "../../../src/model/attributes.js";
import { attributesOf, STAT } from "../fake-file-system.js";
import { FakeKernel } from "../fake-kernel.js";
import { decode, encode, sizeOf } from "../wire/c-struct.js";

const { EIO } = constants.errno;
const DAY = 24 * 60 * 60;

/** A SETATTR in which every field has a value of its own; `valid` says which count. */
function setattr(valid: number, changed: Parameters<typeof encode<"setattr_in">>[1] = {}) {
  const body = encode("setattr_in", {
    valid,
    fh: 91,
    size: 2 ** 40 + 92,
    lock_owner: 93,
    atime: 94,
    mtime: 95,
    ctime: 96,
    atimensec: 97,
    mtimensec: 98,
    ctimensec: 99,
    mode: 0o104711,
    uid: 101,
    gid: 102,
    ...changed,
  });
  const kernel = new FakeKernel();
  const answer = kernel.ask({ opcode: "SETATTR", node: 8, body: [body] });
  return { kernel, answer, request: kernel.requestsTo("setattr")[0] };
}

describe("GETATTR and SETATTR", () => {
  test("answer a struct fuse_attr_out", () => {
    const kernel = new FakeKernel();
    const asked = kernel.ask({ opcode: "GETATTR", node: 8, body: [encode("getattr_in", {})] });
    expect(kernel.requestsTo("getattr")).toEqual([{ ino: 8 }]);
    const attributes = attributesOf(7);
    for (const { body } of [asked, setattr(0).answer]) {
      expect(body).toHaveLength(sizeOf("attr_out"));
      expect(decode("attr_out", body)).toMatchObject({
        attr_valid: DAY,
        attr_valid_nsec: 0,
        ino: 7,
        size: attributes.sizeBytes,
        atime: attributes.atime.sec,
        mode: attributes.mode,
        uid: attributes.uid,
        gid: attributes.gid,
      });
    }
  });
});

describe("SETATTR", () => {
  test.each([
    ["MODE", { permissions: 0o4711 }],
    ["UID", { uid: 101 }],
    ["GID", { gid: 102 }],
    ["SIZE", { sizeBytes: 2 ** 40 + 92 }],
    ["ATIME", { atime: { sec: 94, nsec: 97 } }],
    ["MTIME", { mtime: { sec: 95, nsec: 98 } }],
    ["FH", { handle: 91 }],
    ["KILL_SUIDGID", { killSetId: true }],
  ] as const)("with only %s changes nothing else", (bit, expected) => {
    expect(setattr(FATTR[bit]).request).toEqual({ ino: 8, ...expected });
  });

  test("without a bit changes nothing, whatever its fields say", () => {
    expect(setattr(0).request).toEqual({ ino: 8 });
  });

  test("sets a time to now by its own bit, which counts more than the time beside it", () => {
    expect(setattr(FATTR.ATIME | FATTR.ATIME_NOW).request).toEqual({ ino: 8, atime: "now" });
    expect(setattr(FATTR.MTIME | FATTR.MTIME_NOW).request).toEqual({ ino: 8, mtime: "now" });
  });

  test("leaves the change time to the file system, although the kernel may send one", () => {
    expect(setattr(1 << 10).request).toEqual({ ino: 8 });
  });

  test("takes times before 1970", () => {
    const { request } = setattr(FATTR.MTIME, { mtime: -86_400, mtimensec: 5 });
    expect(request).toEqual({ ino: 8, mtime: { sec: -86_400, nsec: 5 } });
  });

  test("changes nothing when a time that counts is malformed", () => {
    const bad = { atimensec: 0x3fff_ffff };
    expect(setattr(FATTR.ATIME, bad).answer.errno).toBe(EIO);
    expect(setattr(FATTR.ATIME, bad).request).toBeUndefined();
    expect(setattr(FATTR.MTIME, bad).answer.errno).toBe(0);
  });
});

test("STATX tells the time of birth too", () => {
  const attributes = attributesOf(7, { mode: S_IFBLK | 0o600, rdev: 0x12a3_4567 });
  const kernel = new FakeKernel({ getattr: () => attributes });
  const { body } = kernel.ask({ opcode: "STATX", node: 8, body: [encode("statx_in", {})] });
  expect(kernel.requestsTo("getattr")).toEqual([{ ino: 8 }]);
  expect(body).toHaveLength(sizeOf("statx_out"));
  expect(decode("statx_out", body)).toEqual({
    attr_valid: DAY,
    attr_valid_nsec: 0,
    flags: 0,
    spare: 0,
    mask: 0xfff,
    blksize: 4096,
    attributes: 0,
    nlink: 3,
    uid: 1001,
    gid: 1002,
    mode: S_IFBLK | 0o600,
    __spare0: 0,
    ino: 7,
    size: attributes.sizeBytes,
    blocks: attributes.blocks,
    attributes_mask: 0,
    atime_sec: 1_000_000_001,
    atime_nsec: 11,
    atime_reserved: 0,
    btime_sec: 1_000_000_004,
    btime_nsec: 44,
    btime_reserved: 0,
    ctime_sec: 1_000_000_003,
    ctime_nsec: 33,
    ctime_reserved: 0,
    mtime_sec: 1_000_000_002,
    mtime_nsec: 22,
    mtime_reserved: 0,
    // new_decode_dev() of linux/kdev_t.h: bits 8-19, and bits 0-7 with 20-31.
    rdev_major: 0x345,
    rdev_minor: 0x12a67,
    dev_major: 0,
    dev_minor: 0,
    __spare2: 0,
  });
});

test("STATFS answers a struct fuse_kstatfs", () => {
  const kernel = new FakeKernel();
  const { body } = kernel.ask({ opcode: "STATFS", node: 1 });
  expect(kernel.requestsTo("statfs")).toEqual([{ ino: 1 }]);
  expect(body).toHaveLength(sizeOf("kstatfs"));
  expect(decode("kstatfs", body)).toEqual({
    blocks: STAT.blocks,
    bfree: STAT.blocksFree,
    bavail: STAT.blocksAvailable,
    files: STAT.files,
    ffree: STAT.filesFree,
    bsize: 4096,
    namelen: 255,
    frsize: 4096,
    padding: 0,
    spare: 0,
  });
});
