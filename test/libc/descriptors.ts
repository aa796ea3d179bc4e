import { closeSync } from "node:fs";
import { onTestFinished } from "vitest";
import { bind } from "../../src/libc/library.js";
import { socketPair } from "../../src/libc/sockets.js";

const libcSocketpair = bind<
  (domain: number, type: number, protocol: number, pair: Int32Array) => number
>("int socketpair(int domain, int type, int protocol, void *pair)");
const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;

/** Both ends of a connection; closed with the test, if they aren't before. */
export function connection(): [number, number] {
  return closedWithTest(socketPair());
}

/** The same, where each write is read by itself, as on a FUSE device. */
export function packetConnection(): [number, number] {
  const pair = new Int32Array(2);
  if (libcSocketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) !== 0) throw new Error("no socket pair");
  return closedWithTest([pair[0] ?? -1, pair[1] ?? -1]);
}

function closedWithTest(pair: [number, number]): [number, number] {
  onTestFinished(() => {
    for (const fd of pair) closeQuietly(fd);
  });
  return pair;
}

function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EBADF") throw error;
  }
}
