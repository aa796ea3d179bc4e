import { closeSync, constants, fstatSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { read, write } from "../../src/libc/device.js";
import { bind } from "../../src/libc/library.js";
import { receiveDescriptor } from "../../src/libc/sockets.js";
import { kindOf } from "../support/error-kind.js";
import { testDir } from "../support/temp-dir.js";
import { connection } from "./descriptors.js";

// The struct is the one that sockets.ts declares.
const sendmsg = bind<(fd: number, message: object, flags: number) => number>(
  "int64_t sendmsg(int fd, nexus_msghdr *message, int flags)",
);
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;

/** As fusermount3 does: one byte, and a descriptor beside it. */
function sendDescriptor(socket: number, fd: number): void {
  const control = Buffer.alloc(24);
  control.writeBigUInt64LE(20n, 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  control.writeInt32LE(fd, 16);
  const message = {
    name: null,
    nameLength: 0,
    vectors: [{ base: Buffer.alloc(1), length: 1 }],
    vectorCount: 1,
    control,
    controlLength: control.length,
    flags: 0,
  };
  expect(sendmsg(socket, message, 0)).toBe(1);
}

test("a pair of sockets is connected, both ways", () => {
  const [a, b] = connection();
  const into = Buffer.alloc(10);
  expect(write(a, { from: Buffer.from("there"), length: 5 })).toBe(5);
  expect(read(b, into)).toBe(5);
  expect(into.toString("utf8", 0, 5)).toBe("there");
  expect(write(b, { from: Buffer.from("back"), length: 4 })).toBe(4);
  expect(read(a, into)).toBe(4);
  expect(into.toString("utf8", 0, 4)).toBe("back");
});

describe("receiving a descriptor", () => {
  test("gives another one of the same open file, which children don't inherit", () => {
    const [ours, theirs] = connection();
    const path = join(testDir(), "file");
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT);
    sendDescriptor(theirs, fd);
    const received = receiveDescriptor(ours) ?? -1;
    onTestFinished(() => closeSync(received));
    expect(received).not.toBe(fd);
    expect(fstatSync(received).ino).toBe(fstatSync(fd).ino);
    closeSync(fd);
    writeSync(received, "through it");
    expect(readFileSync(path, "utf8")).toBe("through it");
    const [, flags = "0"] =
      /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${received}`, "utf8")) ?? [];
    const O_CLOEXEC = 0o2000000;
    expect(Number.parseInt(flags, 8) & O_CLOEXEC).toBe(O_CLOEXEC);
  });

  test("gives nothing when the other end is closed without sending one", () => {
    const [ours, theirs] = connection();
    closeSync(theirs);
    expect(receiveDescriptor(ours)).toBeUndefined();
  });

  test("gives nothing when there are bytes only", () => {
    const [ours, theirs] = connection();
    write(theirs, { from: Buffer.from("x"), length: 1 });
    expect(receiveDescriptor(ours)).toBeUndefined();
  });

  test("fails on what is no socket", () => {
    const fd = openSync("/dev/null", "r");
    onTestFinished(() => closeSync(fd));
    expect(kindOf(() => receiveDescriptor(fd))).toBe("io-failure"); // ENOTSOCK
    expect(kindOf(() => receiveDescriptor(-1))).toBe("bad-handle");
  });
});
