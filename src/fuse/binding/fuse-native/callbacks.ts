import { constants } from "node:os";
import { createFlagsOf, mtimeOf, writeFlagsOf } from "./call-record.js";
import type { NativeFuse, NativePackage, Signal } from "./package.js";
import type { PathCall, PathRequest, PathResult } from "./path-calls.js";
import { CallFailed, type PathPort } from "./path-port.js";
import { listedArray, NO_STAT, statArray, statvfsArray } from "./stat-array.js";

const { EIO, ERANGE } = constants.errno;
const TWO_TO_32 = 2 ** 32;

/** What a callback may need beside its arguments. */
interface Context {
  readonly port: PathPort;
  /** What the C side knows of the call. */
  readonly record: Buffer;
}

/** What libfuse calls: each answers exactly once, whatever happens. Buffers are gone once it has. */
const CALLBACKS = {
  getattr: ({ port }: Context, signal: Signal, path: string) =>
    answer(port, { call: "getattr", request: { path } }, (attributes, errno) =>
      signal(-errno, attributes === undefined ? NO_STAT : statArray(attributes)),
    ),
  fgetattr: ({ port }: Context, signal: Signal, path: string, file: number) =>
    answer(port, { call: "getattr", request: { path, file } }, (attributes, errno) =>
      signal(-errno, attributes === undefined ? NO_STAT : statArray(attributes)),
    ),
  chmod: ({ port }: Context, signal: Signal, path: string, mode: number) =>
    answer(port, { call: "chmod", request: { path, mode } }, done(signal)),
  chown: ({ port }: Context, signal: Signal, path: string, uid: number, gid: number) =>
    answer(port, { call: "chown", request: { path, uid, gid } }, done(signal)),
  truncate: ({ port }: Context, signal: Signal, path: string, low: number, high: number) =>
    answer(
      port,
      { call: "truncate", request: { path, sizeBytes: whole(low, high) } },
      done(signal),
    ),
  ftruncate: (
    { port }: Context,
    signal: Signal,
    ...[path, file, low, high]: [path: string, file: number, low: number, high: number]
  ) =>
    answer(
      port,
      { call: "truncate", request: { path, file, sizeBytes: whole(low, high) } },
      done(signal),
    ),
  /** The package gives the access time twice; both are there in whole milliseconds. */
  utimens: ({ port, record }: Context, signal: Signal, path: string, low: number, high: number) => {
    const atimeMs = signed(low, high);
    const mtimeMs = mtimeOf(record, { atimeMs }) ?? atimeMs;
    answer(port, { call: "utimens", request: { path, atimeMs, mtimeMs } }, done(signal));
  },
  mknod: ({ port }: Context, signal: Signal, path: string, mode: number, rdev: number) =>
    answer(port, { call: "mknod", request: { path, mode, rdev } }, done(signal)),
  mkdir: ({ port }: Context, signal: Signal, path: string, mode: number) =>
    answer(port, { call: "mkdir", request: { path, mode } }, done(signal)),
  symlink: ({ port }: Context, signal: Signal, target: string, path: string) =>
    answer(port, { call: "symlink", request: { path, target } }, done(signal)),
  readlink: ({ port }: Context, signal: Signal, path: string) =>
    answer(port, { call: "readlink", request: { path } }, (target = "", errno) =>
      signal(-errno, target),
    ),
  link: ({ port }: Context, signal: Signal, path: string, newPath: string) =>
    answer(port, { call: "link", request: { path, newPath } }, done(signal)),
  unlink: ({ port }: Context, signal: Signal, path: string) =>
    answer(port, { call: "unlink", request: { path } }, done(signal)),
  rmdir: ({ port }: Context, signal: Signal, path: string) =>
    answer(port, { call: "rmdir", request: { path } }, done(signal)),
  rename: ({ port }: Context, signal: Signal, path: string, newPath: string) =>
    answer(port, { call: "rename", request: { path, newPath } }, done(signal)),
  readdir: ({ port }: Context, signal: Signal, path: string) =>
    answer(port, { call: "readdir", request: { path } }, (entries = [], errno) =>
      signal(
        -errno,
        entries.map(({ name }) => name),
        entries.map(listedArray),
      ),
    ),
  open: ({ port }: Context, signal: Signal, path: string, flags: number) =>
    answer(port, { call: "open", request: { path, flags } }, (file = 0, errno) =>
      signal(-errno, file),
    ),
  create: ({ port, record }: Context, signal: Signal, path: string, mode: number) => {
    const flags = createFlagsOf(record, { mode });
    answer(port, { call: "create", request: { path, mode, flags } }, (file = 0, errno) =>
      signal(-errno, file),
    );
  },
  read: (
    { port }: Context,
    signal: Signal,
    ...[, file, into, length, low, high]: [
      path: string,
      file: number,
      into: Buffer,
      length: number,
      low: number,
      high: number,
    ]
  ) =>
    answer(
      port,
      { call: "read", request: { file, offset: whole(low, high), length } },
      (bytes, errno) => {
        if (bytes !== undefined) into.set(bytes);
        signal(bytes?.length ?? -errno, 0, into.buffer);
      },
    ),
  write: (
    { port, record }: Context,
    signal: Signal,
    ...[, file, from, length, low, high]: [
      path: string,
      file: number,
      from: Buffer,
      length: number,
      low: number,
      high: number,
    ]
  ) => {
    const data = Uint8Array.prototype.slice.call(from);
    const request = { file, offset: whole(low, high), data, flags: writeFlagsOf(record, { file }) };
    answer(port, { call: "write", request, transfer: [data.buffer] }, (_, errno) =>
      signal(errno === 0 ? length : -errno, 0, from.buffer),
    );
  },
  release: ({ port }: Context, signal: Signal, _path: string, file: number) =>
    answer(port, { call: "release", request: { file } }, done(signal)),
  fsync: ({ port }: Context, signal: Signal, path: string, _dataOnly: number, file: number) =>
    answer(port, { call: "fsync", request: { path, file } }, done(signal)),
  fsyncdir: ({ port }: Context, signal: Signal, path: string) =>
    answer(port, { call: "fsync", request: { path } }, done(signal)),
  setxattr: (
    { port }: Context,
    signal: Signal,
    ...[path, name, from, , flags]: [
      path: string,
      name: string,
      from: Buffer,
      position: number,
      flags: number,
    ]
  ) => {
    const value = Uint8Array.prototype.slice.call(from);
    answer(port, { call: "setxattr", request: { path, name, value, flags } }, (_, errno) =>
      signal(-errno, from.buffer),
    );
  },
  getxattr: ({ port }: Context, signal: Signal, path: string, name: string, into: Buffer) =>
    answer(port, { call: "getxattr", request: { path, name } }, (value, errno) =>
      signal(value === undefined ? -errno : put(value, into), into.buffer),
    ),
  listxattr: ({ port }: Context, signal: Signal, path: string, into: Buffer) =>
    answer(port, { call: "listxattr", request: { path } }, (names, errno) => {
      const list = names && Buffer.from(names.map((name) => `${name}\0`).join(""), "utf8");
      signal(list === undefined ? -errno : put(list, into), into.buffer);
    }),
  removexattr: ({ port }: Context, signal: Signal, path: string, name: string) =>
    answer(port, { call: "removexattr", request: { path, name } }, done(signal)),
  statfs: ({ port }: Context, signal: Signal, path: string) =>
    answer(port, { call: "statfs", request: { path } }, (stat, errno) =>
      signal(-errno, stat === undefined ? NO_STAT : statvfsArray(stat)),
    ),
};

/**
 * One mount of the package's whose callbacks ask over the port. The package's own methods hide what they were
 * given (the sizes of buffers, which file is meant), so ours take their place.
 */
export function fuseWithCallbacks(
  { Fuse }: Pick<NativePackage, "Fuse">,
  {
    mountPoint,
    mountOptions,
    port,
  }: { readonly mountPoint: string; readonly mountOptions: string; readonly port: PathPort },
): NativeFuse {
  const fuse = new Fuse(mountPoint, CALLBACKS, { timeout: false, fsname: mountOptions });
  let record: Buffer = Buffer.alloc(0);
  // Each calls its method before it returns, so this is the record of that call.
  fuse._handlers = fuse._handlers.map(
    (handler) =>
      handler &&
      ((itsRecord, opcode, ...args) => {
        record = itsRecord;
        handler.call(fuse, itsRecord, opcode, ...args);
      }),
  );
  const methods = Object.entries(CALLBACKS).map(([name, callback]) => [
    `_op_${name}`,
    (signal: Signal, ...args: never[]) =>
      (callback as (context: Context, signal: Signal, ...args: never[]) => void)(
        { port, record },
        signal,
        ...args,
      ),
  ]);
  return Object.assign(fuse, Object.fromEntries(methods));
}

/** Asks, and hands over the result, or no result and the errno. */
function answer<C extends PathCall>(
  port: PathPort,
  {
    call,
    request,
    transfer,
  }: { call: C; request: PathRequest<C>; transfer?: readonly ArrayBuffer[] },
  signal: (result: PathResult<C> | undefined, errno: number) => void,
): void {
  port.call(call, request, transfer).then(
    (result) => signal(result, 0),
    (error) => signal(undefined, error instanceof CallFailed ? error.errno : EIO),
  );
}

function done(signal: Signal): (result: unknown, errno: number) => void {
  return (_, errno) => signal(-errno);
}

/** The value's length, put where there is room; a buffer of no bytes only asks for that. */
function put(value: Uint8Array, into: Buffer): number {
  if (into.length === 0) return value.length;
  if (value.length > into.length) return -ERANGE;
  into.set(value);
  return value.length;
}

/** An offset or a size: 64 bits in two halves. */
function whole(low: number, high: number): number {
  return low + high * TWO_TO_32;
}

function signed(low: number, high: number): number {
  return whole(low, high | 0);
}
