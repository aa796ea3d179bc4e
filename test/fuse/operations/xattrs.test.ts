import { constants } from "node:os";
import { describe, expect, test } from "vitest";
import { NexusError } from "../../../src/model/errors.js";
import { FakeKernel, settled } from "../fake-kernel.js";
import { decode, encode, sizeOf } from "../wire/c-struct.js";

const { EBUSY, ENODATA, ERANGE, EIO, EILSEQ } = constants.errno;

const VALUE = Buffer.from([0, 1, 0xff, 0, 10]);

function getxattr(size: number, value: Uint8Array | undefined = VALUE) {
  const kernel = new FakeKernel({ getxattr: () => value });
  const body = [encode("getxattr_in", { size }), "user.key"];
  return { kernel, answer: kernel.ask({ opcode: "GETXATTR", node: 4, body }) };
}

describe("GETXATTR", () => {
  test("answers the value, byte for byte", () => {
    const { kernel, answer } = getxattr(100);
    expect(kernel.requestsTo("getxattr")).toEqual([{ ino: 4, name: "user.key" }]);
    expect(answer.body).toEqual(VALUE);
  });

  test("of size 0 answers how long the value is", () => {
    const { answer } = getxattr(0);
    expect(answer.body).toHaveLength(sizeOf("getxattr_out"));
    expect(decode("getxattr_out", answer.body)).toEqual({ size: VALUE.length, padding: 0 });
  });

  test("has room for a value that fits exactly, and is refused for one byte more", () => {
    expect(getxattr(VALUE.length).answer.body).toEqual(VALUE);
    expect(getxattr(VALUE.length - 1).answer).toMatchObject({ errno: ERANGE });
  });

  test("tells an empty value from none", () => {
    expect(getxattr(10, Buffer.alloc(0)).answer).toMatchObject({ errno: 0 });
    const kernel = new FakeKernel({ getxattr: () => undefined });
    for (const size of [0, 10]) {
      const body = [encode("getxattr_in", { size }), "user.key"];
      expect(kernel.errnoOf({ opcode: "GETXATTR", body })).toBe(ENODATA);
    }
    expect(kernel.log.filter(({ level }) => level >= 30)).toEqual([]);
  });

  test("carries the largest value that Linux has", () => {
    const largest = Buffer.alloc(65_536, 0xa5);
    expect(getxattr(65_536, largest).answer.body).toEqual(largest);
  });

  test("with a name that isn't UTF-8 is refused", () => {
    const kernel = new FakeKernel();
    const name = Buffer.from([0x75, 0xff, 0]);
    const body = [encode("getxattr_in", { size: 9 }), name];
    expect(kernel.errnoOf({ opcode: "GETXATTR", body })).toBe(EILSEQ);
  });
});

describe("LISTXATTR", () => {
  const names = ["user.a", "user.ä"];
  const list = Buffer.from("user.a\0user.ä\0");
  const ask = (size: number) =>
    new FakeKernel({ listxattr: () => names }).ask({
      opcode: "LISTXATTR",
      node: 4,
      body: [encode("getxattr_in", { size })],
    });

  test("answers the names, each ended by NUL", () => {
    expect(ask(100).body).toEqual(list);
    expect(ask(list.length).body).toEqual(list);
  });

  test("of size 0 answers their length, and is refused where they don't fit", () => {
    expect(decode("getxattr_out", ask(0).body)).toEqual({ size: list.length, padding: 0 });
    expect(ask(list.length - 1).errno).toBe(ERANGE);
  });
});

describe("SETXATTR", () => {
  const set = (flags: number, value = VALUE, size = value.length) => {
    const kernel = new FakeKernel();
    const body = [encode("setxattr_in", { size, flags }), "user.key", value];
    const answer = kernel.ask({ opcode: "SETXATTR", node: 4, body });
    return { kernel, answer };
  };

  test.each([
    [0, "any"],
    [1, "create"],
    [2, "replace"],
    [3, "create and replace"],
  ])("with the flags %i sets by %s", (flags, mode) => {
    expect(set(flags).kernel.requestsTo("setxattr")).toEqual([
      { ino: 4, name: "user.key", value: new Uint8Array(VALUE), mode },
    ]);
  });

  test("gives the file system bytes of its own", () => {
    const { kernel } = set(0);
    kernel.ask({ opcode: "LOOKUP", body: ["x".repeat(100)] });
    expect(kernel.requestsTo("setxattr")).toMatchObject([{ value: new Uint8Array(VALUE) }]);
  });

  test("sets an empty value", () => {
    const { kernel } = set(0, Buffer.alloc(0));
    expect(kernel.requestsTo("setxattr")).toMatchObject([{ value: new Uint8Array(0) }]);
  });

  test.each(["at once", "later"])(
    "is busy, and never EAGAIN, when it can't be done yet: %s",
    async (when) => {
      const error = new NexusError("try-again", "not ready");
      const setxattr = () => {
        if (when === "later") return Promise.reject(error);
        throw error;
      };
      const kernel = new FakeKernel({ setxattr });
      const size = VALUE.length;
      const body = [encode("setxattr_in", { size, flags: 0 }), "user.claim", VALUE];
      const unique = kernel.send({ opcode: "SETXATTR", node: 4, body });
      await settled();
      expect(kernel.answerTo(unique)?.errno).toBe(EBUSY);
    },
  );

  test("with fewer bytes than it says sets nothing", () => {
    const { kernel, answer } = set(0, VALUE, VALUE.length + 1);
    expect(answer.errno).toBe(EIO);
    expect(kernel.calls).toEqual([]);
  });
});

test("REMOVEXATTR removes by name", () => {
  const kernel = new FakeKernel();
  expect(kernel.errnoOf({ opcode: "REMOVEXATTR", node: 4, body: ["user.key"] })).toBe(0);
  expect(kernel.requestsTo("removexattr")).toEqual([{ ino: 4, name: "user.key" }]);
});
