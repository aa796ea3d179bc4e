import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Reply } from "../../../src/fuse/protocol/reply.js";
import { attributesOf } from "../fake-file-system.js";
import { decode, sizeOf } from "../wire/c-struct.js";

function bodyOf(reply: Reply): Buffer {
  return reply.buffer.subarray(sizeOf("out_header"), reply.length);
}

/** A writer whose buffer was used before: nothing of that may show. */
function usedReply(): Reply {
  const reply = new Reply(4096);
  reply.buffer.fill(0xee);
  reply.clear();
  return reply;
}

describe("a reply's header", () => {
  test("has the length of all, minus the error, and the request's number", () => {
    const reply = usedReply();
    reply.u32(1);
    reply.seal({ uniqueLow: 0x9abc_def0, uniqueHigh: 0x1234_5678, errno: -2 });
    const header = decode("out_header", reply.buffer);
    expect(header).toMatchObject({ len: 20, error: -2 });
    expect(reply.buffer.readBigUInt64LE(8)).toBe(0x1234_5678_9abc_def0n);
  });

  test("of an empty reply is all there is", () => {
    const reply = usedReply();
    reply.u64(5);
    reply.clear();
    reply.seal({ uniqueLow: 4, uniqueHigh: 0, errno: 0 });
    expect(reply.length).toBe(16);
    expect(reply.bodyLength).toBe(0);
    expect(decode("out_header", reply.buffer)).toEqual({ len: 16, error: 0, unique: 4 });
  });
});

describe("a reply's fields", () => {
  test("of 64 bits are exact, also below zero", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        const reply = usedReply();
        reply.u64(value);
        expect(bodyOf(reply).readBigInt64LE(0)).toBe(BigInt(value));
      }),
      { examples: [[-1], [2 ** 32], [-(2 ** 32)], [Number.MIN_SAFE_INTEGER], [2 ** 53 - 1]] },
    );
  });

  test("of 16 bits stand in their order", () => {
    const reply = usedReply();
    reply.u16pair(0xfff1, 0x8002);
    expect([bodyOf(reply).readUInt16LE(0), bodyOf(reply).readUInt16LE(2)]).toEqual([
      0xfff1, 0x8002,
    ]);
  });

  test("of bytes are filled up to eight", () => {
    for (const length of [1, 7, 8, 9]) {
      const reply = usedReply();
      reply.bytes(Buffer.alloc(length, 0x41));
      reply.pad();
      expect(bodyOf(reply).toString("latin1")).toBe(
        "A".repeat(length).padEnd(length > 8 ? 16 : 8, "\0"),
      );
    }
  });

  test("can be put into place from elsewhere", () => {
    const reply = usedReply();
    reply.u32(1);
    reply.room(100).write("content");
    reply.advance(7);
    expect(bodyOf(reply).subarray(4).toString()).toBe("content");
  });

  test("don't go beyond the buffer", () => {
    const reply = new Reply(64);
    expect(reply.room(65)).toHaveLength(64);
    expect(() => reply.bytes(Buffer.alloc(65))).toThrow(RangeError);
  });
});

test("attributes are a struct fuse_attr", () => {
  const reply = usedReply();
  const attributes = attributesOf(2 ** 45 + 1, { atime: { sec: -1, nsec: 999_999_999 } });
  reply.attributes(attributes);
  expect(bodyOf(reply)).toHaveLength(sizeOf("attr"));
  expect(decode("attr", bodyOf(reply))).toEqual({
    ino: attributes.ino,
    size: attributes.sizeBytes,
    blocks: attributes.blocks,
    atime: -1,
    atimensec: 999_999_999,
    mtime: attributes.mtime.sec,
    mtimensec: attributes.mtime.nsec,
    ctime: attributes.ctime.sec,
    ctimensec: attributes.ctime.nsec,
    mode: attributes.mode,
    nlink: attributes.nlink,
    uid: attributes.uid,
    gid: attributes.gid,
    rdev: attributes.rdev,
    blksize: 4096,
    flags: 0,
  });
});
