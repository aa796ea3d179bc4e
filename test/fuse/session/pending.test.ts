import { constants } from "node:os";
import { describe, expect, test } from "vitest";
import { NexusError } from "../../../src/model/errors.js";
import type { FileSystem } from "../../../src/vfs/file-system.js";
import { attributesOf, entryOf } from "../fake-file-system.js";
import { FakeKernel, settled } from "../fake-kernel.js";
import { encode } from "../wire/c-struct.js";

const { EINTR, EIO, ENOENT, ENODEV } = constants.errno;

const GETXATTR = {
  opcode: "GETXATTR",
  body: [encode("getxattr_in", { size: 99 }), "user.a"],
} as const;
const FSYNC = { opcode: "FSYNC", body: [encode("fsync_in", {})] } as const;

/** A method that answers when the test says so, in any order. */
class Later<T> {
  readonly waiting: PromiseWithResolvers<T>[] = [];

  readonly method = (): Promise<T> => {
    let resolve: (value: T | PromiseLike<T>) => void = () => undefined;
    let reject: (reason?: unknown) => void = () => undefined;
    const promise = new Promise<T>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    this.waiting.push({ promise, resolve, reject });
    return promise;
  };

  resolve(index: number, value: T): Promise<void> {
    this.waiting[index]?.resolve(value);
    return settled();
  }

  reject(index: number, error: unknown): Promise<void> {
    this.waiting[index]?.reject(error);
    return settled();
  }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

function interrupt(kernel: FakeKernel, unique: bigint): void {
  // The kernel numbers an INTERRUPT like its request, with the lowest bit set.
  const body = [encode("interrupt_in", { unique })];
  kernel.send({ opcode: "INTERRUPT", unique: unique + 1n, body });
}

describe("a request that must wait", () => {
  test("doesn't hold up the others, and is answered when its time has come", async () => {
    const fsync = new Later<void>();
    const kernel = new FakeKernel({ fsync: fsync.method });
    const slow = [kernel.send(FSYNC), kernel.send(FSYNC)];
    expect(kernel.errnoOf({ opcode: "GETATTR" })).toBe(0);
    expect(kernel.session.isWaiting).toBe(true);
    expect(slow.map((unique) => kernel.answerTo(unique))).toEqual([undefined, undefined]);

    await fsync.resolve(1, undefined);
    expect(kernel.answerTo(slow[1] ?? 0n)).toMatchObject({ errno: 0 });
    expect(kernel.answerTo(slow[0] ?? 0n)).toBeUndefined();
    await fsync.reject(0, new NexusError("io-failure", "the disk is gone"));
    expect(kernel.answerTo(slow[0] ?? 0n)).toMatchObject({ errno: EIO });
    expect(kernel.session.isWaiting).toBe(false);
  });

  test("keeps its answer to itself while others write theirs", async () => {
    const later = Array.from({ length: 8 }, () => new Later<Buffer>());
    let next = 0;
    const kernel = new FakeKernel({ readlink: () => later[next++]?.method() ?? Buffer.alloc(0) });
    const uniques = later.map(() => kernel.send({ opcode: "READLINK" }));
    for (let round = 0; round < 10; round++) kernel.ask({ opcode: "STATFS" });
    for (const [index, one] of [...later.entries()].reverse()) {
      await one.resolve(0, Buffer.from(`target ${index}`));
    }
    expect(uniques.map((unique) => kernel.answerTo(unique)?.body.toString())).toEqual(
      later.map((_one, index) => `target ${index}`),
    );
  });

  test("reads into a place of its own", async () => {
    let into: Uint8Array | undefined;
    const later = new Later<number>();
    const kernel = new FakeKernel({
      read: (_caller, request) => {
        into = request.into;
        return later.method();
      },
    });
    const unique = kernel.send({ opcode: "READ", body: [encode("read_in", { size: 100 })] });
    for (let round = 0; round < 6; round++)
      kernel.ask({ opcode: "STATX", body: [Buffer.alloc(24)] });
    into?.set(Buffer.from("content"));
    await later.resolve(0, 7);
    expect(kernel.answerTo(unique)?.body.toString()).toBe("content");
  });

  test("has taken from its request what it needs", async () => {
    const attributes = new Later<ReturnType<typeof attributesOf>>();
    const kernel = new FakeKernel({ setattr: attributes.method });
    const body = [encode("setattr_in", { valid: 1, mode: 0o600 })];
    const unique = kernel.send({ opcode: "SETATTR", node: 3, body });
    kernel.ask({ opcode: "LOOKUP", node: 99, body: ["z".repeat(200)] });
    await attributes.resolve(0, attributesOf(3));
    expect(kernel.requestsTo("setattr")).toEqual([{ ino: 3, permissions: 0o600 }]);
    expect(kernel.answerTo(unique)).toMatchObject({ errno: 0 });
  });
});

describe("INTERRUPT", () => {
  test("cuts short a request that only waits, and its late answer is nobody's", async () => {
    const value = new Later<Uint8Array>();
    const kernel = new FakeKernel({ getxattr: value.method });
    const unique = kernel.send(GETXATTR);
    interrupt(kernel, unique);
    expect(kernel.answerTo(unique)).toMatchObject({ errno: EINTR });
    expect(kernel.session.isWaiting).toBe(false);
    interrupt(kernel, unique);
    await value.resolve(0, Buffer.from("late"));
    expect(kernel.answers).toHaveLength(1);
    expect(kernel.log).toEqual([]);
  });

  test("lets run to its end what changes something", async () => {
    const fsync = new Later<void>();
    const kernel = new FakeKernel({ fsync: fsync.method });
    const unique = kernel.send(FSYNC);
    interrupt(kernel, unique);
    expect(kernel.answers).toEqual([]);
    await fsync.resolve(0, undefined);
    expect(kernel.answerTo(unique)).toMatchObject({ errno: 0 });
  });

  test("of a request that was answered, or never was, means nothing", () => {
    const kernel = new FakeKernel();
    const unique = kernel.send({ opcode: "GETATTR" });
    interrupt(kernel, unique);
    interrupt(kernel, 4444n);
    expect(kernel.answers).toHaveLength(1);
  });

  test("is never answered itself, not even when it is malformed", () => {
    const kernel = new FakeKernel();
    kernel.send({ opcode: "INTERRUPT", body: [Buffer.alloc(4)] });
    expect(kernel.answers).toEqual([]);
  });

  test("of one request leaves the others waiting", async () => {
    const value = new Later<Uint8Array>();
    const kernel = new FakeKernel({ getxattr: value.method });
    const [first, second] = [kernel.send(GETXATTR), kernel.send(GETXATTR)];
    interrupt(kernel, second);
    expect(kernel.answers.map(({ unique }) => unique)).toEqual([second]);
    await value.resolve(0, Buffer.from("value"));
    expect(kernel.answerTo(first)?.body.toString()).toBe("value");
  });
});

describe("a mount that ends while requests wait", () => {
  test.each([
    [
      "the kernel let go",
      (kernel: FakeKernel) => {
        kernel.device.requests.push(-ENODEV);
        kernel.session.receive();
      },
    ],
    ["we gave up", (kernel: FakeKernel) => kernel.session.abort()],
  ])("has ended when the last is done: %s", async (_why, end) => {
    const fsync = new Later<void>();
    const kernel = new FakeKernel({ fsync: fsync.method });
    kernel.send(FSYNC);
    kernel.send(FSYNC);
    kernel.device.refuses = ENODEV;
    end(kernel);
    await fsync.resolve(0, undefined);
    expect(kernel.ends).toEqual([]);
    await fsync.reject(1, new NexusError("no-space", "full"));
    expect(kernel.ends).toEqual([undefined]);
  });

  test("lets go of what a late answer would have carried", async () => {
    const created = new Later<Awaited<ReturnType<FileSystem["create"]>>>();
    const kernel = new FakeKernel({ create: created.method });
    kernel.send({ opcode: "CREATE", body: [encode("create_in", {}), "a"] });
    kernel.device.refuses = ENOENT;
    await created.resolve(0, { entry: entryOf(7), opened: { handle: 9 } });
    expect(kernel.requestsTo("forget", "release")).toEqual([{ handle: 9 }, { ino: 7, count: 1 }]);
    kernel.session.abort();
    expect(kernel.requestsTo("forget", "release")).toHaveLength(2);
  });
});
