import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MalformedRequest, Request } from "../../../src/fuse/protocol/request.js";
import { kindOf } from "../../support/error-kind.js";
import { requestBytes } from "../fake-kernel.js";
import { encode } from "../wire/c-struct.js";

const CAPACITY = 8192;

/** A reader with this request in it; what stood in the buffer before is noise. */
function reader(bytes: Buffer, { noise = 0xee } = {}): Request {
  const request = new Request(new ArrayBuffer(CAPACITY));
  request.buffer.fill(noise);
  request.buffer.set(bytes);
  request.load(bytes.length);
  return request;
}

function withBody(...body: (Buffer | string)[]): Request {
  return reader(requestBytes({ opcode: "LOOKUP", body }));
}

describe("a request's header", () => {
  test("is read field by field", () => {
    const body = Buffer.alloc(12);
    const header = encode("in_header", {
      len: 52,
      opcode: 35,
      unique: 0x1234_5678_9abc_def0n,
      nodeid: 2 ** 40 + 3,
      uid: 0xffff_fffe,
      gid: 0x8000_0001,
      pid: 77,
    });
    const request = reader(Buffer.concat([header, body]));
    expect({ opcode: request.opcode, node: request.nodeid }).toEqual({
      opcode: 35,
      node: 2 ** 40 + 3,
    });
    expect([request.uniqueHigh, request.uniqueLow]).toEqual([0x1234_5678, 0x9abc_def0]);
    expect([request.uid, request.gid, request.pid]).toEqual([0xffff_fffe, 0x8000_0001, 77]);
    expect(request.bodyLength).toBe(12);
  });

  test("must be whole", () => {
    for (const length of [0, 1, 39]) {
      const request = new Request(new ArrayBuffer(CAPACITY));
      expect(() => request.load(length)).toThrow(MalformedRequest);
    }
  });

  test.each([-4, -1, 1, 4096])("must tell the length that came, not %i bytes more", (more) => {
    const bytes = requestBytes({ opcode: "LOOKUP", body: ["name"] });
    bytes.writeUInt32LE(bytes.length + more, 0);
    expect(() => reader(bytes)).toThrow(MalformedRequest);
  });

  test("of a wrong length still tells whom to answer, and shows nothing of a body", () => {
    const request = new Request(new ArrayBuffer(CAPACITY));
    const bytes = requestBytes({ opcode: "GETATTR", body: [Buffer.alloc(16)], unique: 2n ** 40n });
    request.buffer.set(bytes);
    expect(() => request.load(bytes.length - 8)).toThrow(MalformedRequest);
    expect(request.unique).toBe(2 ** 40);
    expect(request.bodyLength).toBe(0);
  });
});

describe("a request's fields", () => {
  test("of 64 bits are exact up to 2^53", () => {
    const exact = fc.maxSafeNat();
    fc.assert(
      fc.property(exact, (value) => {
        expect(withBody(encode("forget_in", { nlookup: value })).u64(0)).toBe(value);
      }),
      { examples: [[2 ** 32 - 1], [2 ** 32], [Number.MAX_SAFE_INTEGER]] },
    );
  });

  test("of signed 64 bits go below zero", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(withBody(encode("forget_in", { nlookup: value })).i64(0)).toBe(value);
      }),
      { examples: [[-1], [-(2 ** 32)], [Number.MIN_SAFE_INTEGER]] },
    );
  });

  test("behind the end of the body are malformed, whatever is in the buffer there", () => {
    const request = withBody(Buffer.alloc(12));
    expect(request.u32(8)).toBe(0);
    for (const field of [
      () => request.u32(12),
      () => request.u64(8),
      () => request.i64(8),
      () => request.bytes(4, 9),
      () => request.need(13),
      () => request.timestamp(8, 0),
    ]) {
      expect(field).toThrow(MalformedRequest);
    }
  });

  test("that are moments before 1970 keep their nanoseconds", () => {
    const body = encode("setattr_in", { atime: -5, atimensec: 999_999_999 });
    expect(withBody(body).timestamp(32, 56)).toEqual({ sec: -5, nsec: 999_999_999 });
  });

  test.each([
    [2n ** 53n - 1n, { sec: Number.MAX_SAFE_INTEGER, nsec: 5 }],
    [2n ** 53n, { sec: Number.MAX_SAFE_INTEGER, nsec: 0 }],
    [2n ** 53n + 1n, { sec: Number.MAX_SAFE_INTEGER, nsec: 0 }],
    [2n ** 63n - 1n, { sec: Number.MAX_SAFE_INTEGER, nsec: 0 }],
    [-(2n ** 53n) + 1n, { sec: Number.MIN_SAFE_INTEGER, nsec: 5 }],
    [-(2n ** 53n), { sec: Number.MIN_SAFE_INTEGER, nsec: 0 }],
    [-(2n ** 63n), { sec: Number.MIN_SAFE_INTEGER, nsec: 0 }],
  ])("that are moments out of our range become the nearest in it: %s", (atime, expected) => {
    const body = encode("setattr_in", { atime, atimensec: 5 });
    expect(withBody(body).timestamp(32, 56)).toEqual(expected);
  });

  test("with a billion nanoseconds or more are malformed", () => {
    const body = encode("setattr_in", { atime: 5, atimensec: 1_000_000_000 });
    expect(() => withBody(body).timestamp(32, 56)).toThrow(MalformedRequest);
  });
});

describe("a request's names", () => {
  test("come back as they were sent", () => {
    const name = fc.string({ unit: "binary", minLength: 0, maxLength: 300 });
    fc.assert(
      fc.property(name, name, (first, second) => {
        fc.pre(!first.includes("\0") && !second.includes("\0"));
        const request = withBody(Buffer.alloc(8), first, second);
        expect(request.name(8)).toBe(first);
        expect(request.name(8 + Buffer.byteLength(first) + 1)).toBe(second);
      }),
    );
  });

  test("without a NUL are malformed, even if one follows in the buffer", () => {
    const bytes = requestBytes({ opcode: "LOOKUP", body: [Buffer.from("abc")] });
    for (const noise of [0, 0xee]) {
      expect(() => reader(bytes, { noise }).rawName(0)).toThrow(MalformedRequest);
      expect(() => reader(bytes, { noise }).rawName(3)).toThrow(MalformedRequest);
      expect(() => reader(bytes, { noise }).rawName(4000)).toThrow(MalformedRequest);
    }
  });

  test.each([
    ["a lone continuation byte", [0x61, 0x80]],
    ["an overlong form", [0xc0, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["Latin-1", [0xe9]],
    ["beyond Unicode", [0xf4, 0x90, 0x80, 0x80]],
  ])("that are not UTF-8 are refused by their encoding: %s", (_what, bytes) => {
    const request = withBody(Buffer.from([...bytes, 0]));
    expect(kindOf(() => request.name(0))).toBe("invalid-encoding");
    expect([...request.rawName(0)]).toEqual(bytes);
  });
});

test("a malformed request is an I/O error to whoever waits for it", () => {
  expect(new MalformedRequest("why").kind).toBe("io-failure");
});
