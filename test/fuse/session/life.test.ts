import { constants } from "node:os";
import { describe, expect, test } from "vitest";
import { OPCODE } from "../../../src/fuse/protocol/constants.js";
import { NexusError } from "../../../src/model/errors.js";
import { entryOf } from "../fake-file-system.js";
import { FakeKernel, requestBytes } from "../fake-kernel.js";
import { decode, encode } from "../wire/c-struct.js";

const { EAGAIN, EINTR, ENOENT, ENODEV, ECONNABORTED, EPERM, EPROTO } = constants.errno;

const INIT = encode("init_in", { major: 7, minor: 41, flags: 0xffff_ffff });

describe("INIT", () => {
  test("makes the session ready, once", () => {
    const kernel = new FakeKernel();
    for (let round = 0; round < 2; round++) {
      const answer = kernel.ask({ opcode: "INIT", node: 0, body: [INIT] });
      expect(decode("init_out", answer.body)).toMatchObject({ major: 7, minor: 41 });
    }
    expect(kernel.agreements.map(({ minor }) => minor)).toEqual([41]);
  });

  test("of a newer major version leaves the session waiting for another", () => {
    const kernel = new FakeKernel();
    kernel.ask({ opcode: "INIT", node: 0, body: [encode("init_in", { major: 8 })] });
    expect(kernel.agreements).toEqual([]);
    expect(kernel.ends).toEqual([]);
    kernel.ask({ opcode: "INIT", node: 0, body: [INIT] });
    expect(kernel.agreements).toHaveLength(1);
  });

  test("of a kernel that is too old is refused, and ends the session with the reason", () => {
    const kernel = new FakeKernel();
    const old = encode("init_in", { major: 7, minor: 22 });
    expect(kernel.errnoOf({ opcode: "INIT", node: 0, body: [old] })).toBe(EPROTO);
    expect(kernel.agreements).toEqual([]);
    expect(kernel.ends).toMatchObject([{ kind: "not-supported" }]);
    expect((kernel.ends[0] as NexusError).message).toContain("7.22");
    expect(kernel.log.filter(({ level }) => level >= 60)).toHaveLength(1);
    expect(kernel.session.receive()).toBe("ended");
  });

  test("that ends the session tells the pump at once, for its descriptor is closed by then", () => {
    const kernel = new FakeKernel();
    const old = encode("init_in", { major: 7, minor: 22 });
    expect(kernel.sendBytes(requestBytes({ opcode: "INIT", body: [old] }))).toBe("ended");
    expect(kernel.ends).toHaveLength(1);
  });
});

describe("reading the device", () => {
  test.each([
    ["nothing there", EAGAIN],
    ["a signal", EINTR],
    ["a request that was interrupted before we got it", ENOENT],
  ])("goes on after %s", (_what, errno) => {
    const kernel = new FakeKernel();
    kernel.device.requests.push(-errno);
    expect(kernel.session.receive()).toBe("more");
    expect(kernel.ends).toEqual([]);
    expect(kernel.errnoOf({ opcode: "GETATTR" })).toBe(0);
  });

  test.each([
    ["unmounted", ENODEV],
    ["aborted", ECONNABORTED],
  ])("ends quietly when the mount was %s", (_what, errno) => {
    const kernel = new FakeKernel();
    kernel.device.requests.push(-errno);
    expect(kernel.session.receive()).toBe("ended");
    expect(kernel.ends).toEqual([undefined]);
    expect(kernel.log).toEqual([]);
    expect(kernel.session.receive()).toBe("ended");
    expect(kernel.ends).toHaveLength(1);
  });

  test("ends quietly when there is nothing behind the descriptor any more", () => {
    const kernel = new FakeKernel();
    kernel.device.requests.push(0);
    expect(kernel.session.receive()).toBe("ended");
    expect(kernel.ends).toEqual([undefined]);
    expect(kernel.log).toEqual([]);
  });

  test("ends with a line in the log when it fails otherwise", () => {
    const kernel = new FakeKernel();
    kernel.device.requests.push(-EPERM);
    expect(kernel.session.receive()).toBe("ended");
    expect(kernel.ends).toHaveLength(1);
    expect(kernel.log).toMatchObject([{ level: 50, errno: EPERM }]);
  });

  test("counts what it served", () => {
    const kernel = new FakeKernel();
    kernel.session.receive();
    for (let round = 0; round < 3; round++) kernel.ask({ opcode: "GETATTR" });
    expect(kernel.session.requestsServed).toBe(3);
  });
});

test("aborting ends the session once, and nothing is read any more", () => {
  const kernel = new FakeKernel();
  kernel.session.abort();
  kernel.session.abort();
  expect(kernel.ends).toEqual([undefined]);
  kernel.send({ opcode: "GETATTR" });
  expect(kernel.calls).toEqual([]);
});

test("aborting while a request is carried out ends it after the answer: its descriptor is closed then", () => {
  const kernel = new FakeKernel({
    getattr: () => {
      kernel.session.abort();
      expect(kernel.ends).toEqual([]);
      return entryOf(1).attributes;
    },
  });
  expect(kernel.errnoOf({ opcode: "GETATTR" })).toBe(0);
  expect(kernel.ends).toEqual([undefined]);
});

test("DESTROY is answered, and leaves the end to the device", () => {
  const kernel = new FakeKernel();
  expect(kernel.errnoOf({ opcode: "DESTROY" })).toBe(0);
  expect(kernel.ends).toEqual([]);
});

test("every answer carries its request's number, also one beyond 2^53", () => {
  const kernel = new FakeKernel();
  for (const unique of [2n, 2n ** 32n, 2n ** 53n + 2n, 2n ** 64n - 2n]) {
    kernel.send({ opcode: "GETATTR", unique });
    expect(kernel.answerTo(unique)).toMatchObject({ errno: 0 });
    kernel.send({ opcode: OPCODE.POLL, unique: unique - 1n });
    expect(kernel.answerTo(unique - 1n)?.errno).toBeGreaterThan(0);
  }
});

test("an answer shows nothing of the ones before it", () => {
  const kernel = new FakeKernel({
    getxattr: () => Buffer.alloc(4096, 0xee),
    lookup: () => entryOf(7, { rdev: 0 }),
  });
  const getxattr = [encode("getxattr_in", { size: 4096 }), "user.a"];
  const fresh = kernel.ask({ opcode: "LOOKUP", body: ["a"] }).body;
  for (let round = 0; round < 6; round++) kernel.ask({ opcode: "GETXATTR", body: getxattr });
  expect(kernel.ask({ opcode: "LOOKUP", body: ["a"] }).body).toEqual(fresh);
});

test("a failure is answered without a body, whatever was written of it", () => {
  const kernel = new FakeKernel({
    readdirPlus: (_caller, { emit }) => {
      emit({ ...entryOf(11), name: "a", mode: 0o100644, cookie: 1 });
      throw new NexusError("corrupt", "the second row can't be read");
    },
  });
  const answer = kernel.ask({ opcode: "READDIRPLUS", body: [encode("read_in", { size: 4096 })] });
  expect(answer.errno).toBe(constants.errno.EIO);
  // parseAnswer has checked that there is no body; the look-up was never handed over.
  expect(kernel.requestsTo("forget")).toEqual([{ ino: 11, count: 1 }]);
});
