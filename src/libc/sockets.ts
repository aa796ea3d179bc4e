import koffi from "koffi";
import type { Credentials } from "../model/identity.js";
import { bind, lastErrno } from "./library.js";
import { errnoError } from "./system-error.js";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const SO_PEERCRED = 17;
const MSG_CMSG_CLOEXEC = 0x40000000;

// 64-bit Linux layouts: struct iovec, struct msghdr of recvmsg(2).
koffi.struct("nexus_iovec", { base: "void *", length: "size_t" });
koffi.struct("nexus_msghdr", {
  name: "void *",
  nameLength: "uint32_t",
  vectors: "nexus_iovec *",
  vectorCount: "size_t",
  control: "void *",
  controlLength: "size_t",
  flags: "int",
});

const libcSocketpair = bind<
  (domain: number, type: number, protocol: number, pair: Int32Array) => number
>("int socketpair(int domain, int type, int protocol, void *pair)");
const libcRecvmsg = bind<(fd: number, message: object, flags: number) => number>(
  "int64_t recvmsg(int fd, _Inout_ nexus_msghdr *message, int flags)",
);
const libcGetsockopt = bind<
  (fd: number, level: number, option: number, value: Int32Array, length: Uint32Array) => number
>("int getsockopt(int fd, int level, int option, _Out_ void *value, _Inout_ uint32_t *length)");

/** socketpair(2) of connected stream sockets, inherited by children: the caller closes both. */
export function socketPair(): [number, number] {
  return pairOf(SOCK_STREAM);
}

/** The same of sockets that keep messages apart, for threads of this process: the caller closes both. */
export function messageSocketPair(): [number, number] {
  return pairOf(SOCK_SEQPACKET | SOCK_CLOEXEC);
}

function pairOf(type: number): [number, number] {
  const pair = new Int32Array(2);
  if (libcSocketpair(AF_UNIX, type, 0, pair) !== 0) {
    throw errnoError(lastErrno(), { op: "socketpair" });
  }
  return [pair[0] ?? -1, pair[1] ?? -1];
}

/** struct cmsghdr (16 bytes on 64-bit) and one descriptor, padded. */
const CONTROL_BYTES = 24;
const CMSG_HEADER_BYTES = 16;

/**
 * Receives one descriptor that the peer sends with SCM_RIGHTS, unix(7); blocks until then.
 * `undefined` when the peer closed its end without sending any.
 */
export function receiveDescriptor(socket: number): number | undefined {
  const byte = new Uint8Array(1);
  const control = Buffer.alloc(CONTROL_BYTES);
  const message = {
    name: null,
    nameLength: 0,
    vectors: [{ base: byte, length: byte.length }],
    vectorCount: 1,
    control,
    controlLength: control.length,
    flags: 0,
  };
  const count = libcRecvmsg(socket, message, MSG_CMSG_CLOEXEC);
  if (count < 0) throw errnoError(lastErrno(), { op: "recvmsg" });
  if (count === 0) return undefined;
  const level = control.readInt32LE(8);
  const type = control.readInt32LE(12);
  if (level !== SOL_SOCKET || type !== SCM_RIGHTS) return undefined;
  return control.readInt32LE(CMSG_HEADER_BYTES);
}

/** Who connected a unix socket, as the kernel noted it then: SO_PEERCRED, unix(7). */
export function peerCredentials(socket: number): Credentials {
  // struct ucred: pid, uid, gid.
  const credentials = new Int32Array(3);
  const length = new Uint32Array([credentials.byteLength]);
  if (libcGetsockopt(socket, SOL_SOCKET, SO_PEERCRED, credentials, length) !== 0) {
    throw errnoError(lastErrno(), { op: "getsockopt" });
  }
  const [pid = 0, uid = 0, gid = 0] = credentials;
  // Ids are unsigned.
  return { pid, uid: uid >>> 0, gid: gid >>> 0 };
}
