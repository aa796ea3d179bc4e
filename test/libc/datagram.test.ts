import { closeSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { sendDatagram } from "../../src/libc/datagram.js";
import { bind } from "../../src/libc/library.js";
import { kindOf } from "../support/error-kind.js";
import { testDir } from "../support/temp-dir.js";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;
const socket = bind<(domain: number, type: number, protocol: number) => number>(
  "int socket(int domain, int type, int protocol)",
);
const bindSocket = bind<(fd: number, address: Uint8Array, length: number) => number>(
  "int bind(int fd, const void *address, uint32_t length)",
);
const recv = bind<(fd: number, into: Uint8Array, length: number, flags: number) => number>(
  "int64_t recv(int fd, _Out_ void *into, size_t length, int flags)",
);

/** A socket at this address, with what comes to it, each datagram by itself. */
function receiver(address: string): { next: () => string | undefined } {
  const fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  onTestFinished(() => closeSync(fd));
  const bound = Buffer.concat([
    new Uint8Array(Uint16Array.of(AF_UNIX).buffer),
    Buffer.from(address),
  ]);
  expect(bindSocket(fd, bound, bound.length)).toBe(0);
  return {
    next: () => {
      const into = Buffer.alloc(100);
      const length = recv(fd, into, into.length, MSG_DONTWAIT);
      return length < 0 ? undefined : into.toString("utf8", 0, length);
    },
  };
}

describe("a datagram", () => {
  test("comes whole to the socket at a path", () => {
    const path = join(testDir(), "notify");
    const { next } = receiver(path);
    sendDatagram(path, Buffer.from("READY=1"));
    sendDatagram(path, Buffer.from("STATUS=serving ä"));
    expect([next(), next(), next()]).toStrictEqual(["READY=1", "STATUS=serving ä", undefined]);
  });

  test("comes to an abstract socket, whose name begins with a zero byte", () => {
    const name = `nexus-test-${process.pid}-${performance.now()}`;
    const { next } = receiver(`\0${name}`);
    sendDatagram(`@${name}`, Buffer.from("WATCHDOG=1"));
    expect(next()).toBe("WATCHDOG=1");
  });

  test("that nobody can take is an error, and leaves no descriptor", () => {
    const directory = testDir();
    mkdirSync(join(directory, "directory"));
    const last = socket(AF_UNIX, SOCK_DGRAM, 0);
    closeSync(last);
    const send = (path: string) => () => sendDatagram(path, Buffer.from("x"));
    expect(kindOf(send(join(directory, "absent")))).toBe("not-found");
    expect(kindOf(send(`/${"x".repeat(107)}`))).toBe("name-too-long");
    const next = socket(AF_UNIX, SOCK_DGRAM, 0);
    closeSync(next);
    expect(next).toBe(last);
  });
});
