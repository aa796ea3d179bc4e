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
const MSG_NOSIGNAL = 0x4000;

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
const libcSendmsg = bind<(fd: number, message: object, flags: number) => number>(
  "int64_t sendmsg(int fd, nexus_msghdr *message, int flags)",
);
const libcGetsockopt = bind<
  (fd: number, level: number, option: number, value: Int32Array, length: Uint32Array) => number
>("int getsockopt(int fd, int level, int option, _Out_ void *value, _Inout_ uint32_t *length)");

/** socketpair(2) of connected stream sockets: the caller closes both. No child has them that isn't given one. */
export function socketPair(): [number, number] {
  return pairOf(SOCK_STREAM | SOCK_CLOEXEC);
}

/** The same of sockets that keep messages apart. */
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

/** struct cmsghdr on 64-bit; descriptors follow, padded to a multiple of 8 bytes. */
const CMSG_HEADER_BYTES = 16;
const DESCRIPTOR_BYTES = 4;
const MOST_DESCRIPTORS = 4;

/** What came in one message: bytes, and descriptors that are the receiver's from now on. */
export interface Received {
  /** Minus the errno if there was none, and 0 at the end. */
  readonly count: number;
  readonly descriptors: readonly number[];
}

/**
 * Receives one descriptor that the peer sends with SCM_RIGHTS, unix(7); blocks until then.
 * `undefined` when the peer closed its end without sending any.
 */
export function receiveDescriptor(socket: number): number | undefined {
  const { count, descriptors } = receiveMessage(socket, new Uint8Array(1));
  if (count < 0) throw errnoError(-count, { op: "recvmsg" });
  return descriptors[0];
}

/** recvmsg(2), with up to four descriptors. No exception, because EAGAIN is an everyday answer. */
export function receiveMessage(socket: number, into: Uint8Array): Received {
  const control = Buffer.alloc(CMSG_HEADER_BYTES + MOST_DESCRIPTORS * DESCRIPTOR_BYTES);
  const count = libcRecvmsg(socket, messageOf(into, control), MSG_CMSG_CLOEXEC);
  if (count < 0) return { count: -lastErrno(), descriptors: [] };
  const bytes = control.readUInt32LE(0);
  const level = control.readInt32LE(8);
  const type = control.readInt32LE(12);
  if (level !== SOL_SOCKET || type !== SCM_RIGHTS) return { count, descriptors: [] };
  const descriptors: number[] = [];
  for (let at = CMSG_HEADER_BYTES; at < bytes; at += DESCRIPTOR_BYTES) {
    descriptors.push(control.readInt32LE(at));
  }
  return { count, descriptors };
}

/**
 * sendmsg(2) of some bytes with copies of some descriptors, at most four. Errors: those of the call, `io-failure`
 * when the peer is gone.
 */
export function sendMessage(
  socket: number,
  { bytes, descriptors }: { bytes: Uint8Array; descriptors: readonly number[] },
): void {
  const used = CMSG_HEADER_BYTES + descriptors.length * DESCRIPTOR_BYTES;
  const control = Buffer.alloc(descriptors.length === 0 ? 0 : Math.ceil(used / 8) * 8);
  if (descriptors.length > 0) {
    control.writeUInt32LE(used, 0);
    control.writeInt32LE(SOL_SOCKET, 8);
    control.writeInt32LE(SCM_RIGHTS, 12);
    descriptors.forEach((fd, index) => {
      control.writeInt32LE(fd, CMSG_HEADER_BYTES + index * DESCRIPTOR_BYTES);
    });
  }
  if (libcSendmsg(socket, messageOf(bytes, control), MSG_NOSIGNAL) < 0) {
    throw errnoError(lastErrno(), { op: "sendmsg" });
  }
}

function messageOf(bytes: Uint8Array, control: Buffer): object {
  return {
    name: null,
    nameLength: 0,
    vectors: [{ base: bytes, length: bytes.length }],
    vectorCount: 1,
    control: control.length === 0 ? null : control,
    controlLength: control.length,
    flags: 0,
  };
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
