import { type Attributes, S_IFREG } from "../../src/model/attributes.js";
import type { Caller } from "../../src/model/identity.js";
import type { Ino, PathId } from "../../src/model/ids.js";
import type { Entry, FileSystem, FileSystemStat } from "../../src/vfs/file-system.js";

/** One call that the file system got. `caller` is undefined for forget and release. */
export interface Call {
  readonly method: keyof FileSystem;
  readonly caller: Caller | undefined;
  readonly request: unknown;
}

/** Attributes in which every field is different. */
export function attributesOf(ino: number, changed: Partial<Attributes> = {}): Attributes {
  return {
    ino: ino as Ino,
    mode: S_IFREG | 0o640,
    uid: 1001,
    gid: 1002,
    nlink: 3,
    sizeBytes: 2 ** 40 + 5,
    blocks: 2 ** 33 + 7,
    rdev: 0x801,
    atime: { sec: 1_000_000_001, nsec: 11 },
    mtime: { sec: 1_000_000_002, nsec: 22 },
    ctime: { sec: 1_000_000_003, nsec: 33 },
    btime: { sec: 1_000_000_004, nsec: 44 },
    ...changed,
  };
}

export function entryOf(ino: number, changed: Partial<Attributes> = {}): Entry {
  return { ino: ino as Ino, attributes: attributesOf(ino, changed) };
}

export const STAT: FileSystemStat = {
  blockBytes: 4096,
  blocks: 2 ** 35 + 1,
  blocksFree: 2 ** 34 + 2,
  blocksAvailable: 2 ** 33 + 3,
  files: 2 ** 32 + 4,
  filesFree: 5,
  nameMaxBytes: 255,
};

const DEFAULTS: FileSystem = {
  lookup: () => entryOf(7),
  forget: () => undefined,
  variesByCaller: () => true,
  getattr: () => attributesOf(7),
  setattr: () => attributesOf(7),
  readlink: () => Buffer.from("target"),
  mknod: () => entryOf(7),
  mkdir: () => entryOf(7),
  symlink: () => entryOf(7),
  link: () => entryOf(7),
  unlink: () => undefined,
  importTargets: () => [],
  importFiles: () => undefined,
  rmdir: () => undefined,
  rename: () => undefined,
  open: () => ({ handle: 9 }),
  create: () => ({ entry: entryOf(7), opened: { handle: 9 } }),
  tmpfile: () => ({ entry: entryOf(7), opened: { handle: 9 } }),
  placeFiles: () => [entryOf(7)],
  read: () => 0,
  write: () => 0,
  fallocate: () => undefined,
  lseek: () => 0,
  copyFileRange: () => 0,
  fsync: () => undefined,
  release: () => undefined,
  opendir: () => undefined,
  readdir: () => undefined,
  readdirPlus: () => undefined,
  listByName: () => ({ entries: [], last: undefined }),
  describe: () => ({
    pathId: "00000000-0000-0000-0000-000000000007" as PathId,
    version: 1,
    etag: undefined,
    mimeType: undefined,
    tenantId: undefined,
    agentId: undefined,
  }),
  getxattr: () => undefined,
  listxattr: () => [],
  setxattr: () => undefined,
  setxattrs: () => undefined,
  removexattr: () => undefined,
  statfs: () => STAT,
};

/** A file system that notes every call and answers as it is told, or something plausible. */
export function fakeFileSystem(instead: Partial<FileSystem> = {}): {
  fs: FileSystem;
  calls: Call[];
} {
  const calls: Call[] = [];
  const methods = Object.entries({ ...DEFAULTS, ...instead }).map(([method, run]) => {
    const answer = run as (...args: readonly unknown[]) => unknown;
    const noted = (...args: readonly unknown[]) => {
      const [caller, request] = args.length === 1 ? [undefined, args[0]] : args;
      calls.push({
        method: method as keyof FileSystem,
        caller: caller as Caller | undefined,
        request: kept(request),
      });
      return answer(...args);
    };
    return [method, noted];
  });
  return { fs: Object.fromEntries(methods) as unknown as FileSystem, calls };
}

/** Bytes to write are the caller's again after the call. */
function kept(request: unknown): unknown {
  const { data } = request as { data?: Uint8Array };
  return data === undefined ? request : { ...(request as object), data: Buffer.from(data) };
}
