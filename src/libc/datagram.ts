import { closeSync } from "node:fs";
import { NexusError } from "../model/errors.js";
import { bind, lastErrno } from "./library.js";
import { errnoError } from "./system-error.js";

const libcSocket = bind<(domain: number, type: number, protocol: number) => number>(
  "int socket(int domain, int type, int protocol)",
);
const libcSendto = bind<
  (
    fd: number,
    bytes: Uint8Array,
    length: number,
    flags: number,
    address: Uint8Array,
    addressLength: number,
  ) => number
>(
  "int64_t sendto(int fd, const void *bytes, size_t length, int flags, const void *address, uint32_t addressLength)",
);

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** struct sockaddr_un has this much room for the path. */
const PATH_BYTES = 108;

/**
 * Sends one datagram to a unix socket; `@` at the beginning of its address stands for the zero byte of
 * an abstract one, unix(7). It never waits. Errors: `name-too-long`, those of sendto(2).
 */
export function sendDatagram(address: string, bytes: Uint8Array): void {
  const path = Buffer.from(address);
  if (path.length >= PATH_BYTES) {
    throw new NexusError("name-too-long", `the socket address ${address} has more than 107 bytes`);
  }
  if (path[0] === "@".charCodeAt(0)) path[0] = 0;
  // sun_family, in the order of this machine's bytes.
  const to = Buffer.concat([new Uint8Array(Uint16Array.of(AF_UNIX).buffer), path]);
  const fd = libcSocket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw errnoError(lastErrno(), { op: "socket" });
  try {
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    if (libcSendto(fd, bytes, bytes.length, flags, to, to.length) < 0) {
      throw errnoError(lastErrno(), { op: "sendto", path: address });
    }
  } finally {
    closeSync(fd);
  }
}
