import { closeSync, constants, fstatSync, openSync, readFileSync, writeSync } from "node:fs";
import { constants as os } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { read, setNonBlocking, write } from "../../src/libc/device.js";
import {
  messageSocketPair,
  receiveDescriptor,
  receiveMessage,
  sendMessage,
} from "../../src/libc/sockets.js";
import { kindOf } from "../support/error-kind.js";
import { testDir } from "../support/temp-dir.js";
import { connection } from "./descriptors.js";

/** As fusermount3 does: one byte, and a descriptor beside it. */
function sendDescriptor(socket: number, fd: number): void {
  sendMessage(socket, { bytes: Buffer.alloc(1), descriptors: [fd] });
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

describe("messages with descriptors", () => {
  test("keep apart, each with those that came with it", () => {
    const [ours, theirs] = messageSocketPair();
    onTestFinished(() => closeSync(ours));
    const paths = ["a", "b"].map((name) => join(testDir(), name));
    const fds = paths.map((path) => openSync(path, constants.O_RDWR | constants.O_CREAT));
    sendMessage(theirs, { bytes: Buffer.from("two"), descriptors: fds });
    sendMessage(theirs, { bytes: Buffer.from("none"), descriptors: [] });
    const inodes = fds.map((fd) => fstatSync(fd).ino);
    for (const fd of [...fds, theirs]) closeSync(fd);
    const into = Buffer.alloc(10);
    const { count, descriptors } = receiveMessage(ours, into);
    expect(into.toString("utf8", 0, count)).toBe("two");
    expect(descriptors.map((fd) => fstatSync(fd).ino)).toEqual(inodes);
    for (const fd of descriptors) closeSync(fd);
    expect(receiveMessage(ours, into)).toEqual({ count: 4, descriptors: [] });
    expect(receiveMessage(ours, into)).toEqual({ count: 0, descriptors: [] });
  });

  test("tell by the errno that there is none yet, and fail when nobody hears them", () => {
    const [ours, theirs] = messageSocketPair();
    setNonBlocking(ours);
    expect(receiveMessage(ours, Buffer.alloc(1)).count).toBe(-os.errno.EAGAIN);
    closeSync(ours);
    const send = () => sendMessage(theirs, { bytes: Buffer.alloc(1), descriptors: [] });
    expect(kindOf(send)).toBe("io-failure"); // EPIPE, and no signal
    closeSync(theirs);
  });
});
