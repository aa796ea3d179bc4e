import type { OpcodeName } from "../../../src/fuse/protocol/constants.js";
import type { StructName } from "../wire/structs.js";

/** What a request of an opcode is made of. */
export interface Shape {
  readonly struct?: StructName;
  readonly names?: number;
  /** Bytes at the end, as many as the struct's `size` says. */
  readonly hasData?: true;
  /** `forget_one` as often as the struct's `count` says. */
  readonly hasPairs?: true;
  /** How often, among all; 1 where nothing is said. */
  readonly weight?: number;
}

/** Every opcode that the protocol has; those that aren't served get a body of some struct, too. */
export const SHAPES = {
  LOOKUP: { names: 1, weight: 40 },
  FORGET: { struct: "forget_in", weight: 12 },
  GETATTR: { struct: "getattr_in", weight: 8 },
  SETATTR: { struct: "setattr_in", weight: 12 },
  READLINK: { weight: 4 },
  SYMLINK: { names: 2, weight: 5 },
  MKNOD: { struct: "mknod_in", names: 1, weight: 6 },
  MKDIR: { struct: "mkdir_in", names: 1, weight: 10 },
  UNLINK: { names: 1, weight: 6 },
  RMDIR: { names: 1, weight: 4 },
  RENAME: { struct: "rename_in", names: 2, weight: 4 },
  LINK: { struct: "link_in", names: 1, weight: 5 },
  OPEN: { struct: "open_in", weight: 25 },
  READ: { struct: "read_in", weight: 20 },
  WRITE: { struct: "write_in", hasData: true, weight: 25 },
  STATFS: {},
  RELEASE: { struct: "release_in", weight: 22 },
  FSYNC: { struct: "fsync_in", weight: 3 },
  SETXATTR: { struct: "setxattr_in", names: 1, hasData: true, weight: 8 },
  GETXATTR: { struct: "getxattr_in", names: 1, weight: 8 },
  LISTXATTR: { struct: "getxattr_in", weight: 4 },
  REMOVEXATTR: { names: 1, weight: 4 },
  FLUSH: { struct: "release_in" },
  INIT: { struct: "init_in" },
  OPENDIR: { struct: "open_in", weight: 6 },
  READDIR: { struct: "read_in", weight: 6 },
  RELEASEDIR: { struct: "release_in", weight: 6 },
  FSYNCDIR: { struct: "fsync_in", weight: 2 },
  GETLK: { struct: "fallocate_in" },
  SETLK: { struct: "fallocate_in" },
  SETLKW: { struct: "fallocate_in" },
  ACCESS: { struct: "open_in" },
  CREATE: { struct: "create_in", names: 1, weight: 25 },
  INTERRUPT: { struct: "interrupt_in", weight: 4 },
  BMAP: { struct: "getxattr_in" },
  DESTROY: {},
  IOCTL: { struct: "fallocate_in" },
  POLL: { struct: "fallocate_in" },
  NOTIFY_REPLY: { struct: "read_in" },
  BATCH_FORGET: { struct: "batch_forget_in", hasPairs: true, weight: 5 },
  FALLOCATE: { struct: "fallocate_in", weight: 4 },
  READDIRPLUS: { struct: "read_in", weight: 8 },
  RENAME2: { struct: "rename2_in", names: 2, weight: 8 },
  LSEEK: { struct: "lseek_in", weight: 4 },
  COPY_FILE_RANGE: { struct: "copy_file_range_in", weight: 4 },
  SETUPMAPPING: { struct: "fallocate_in" },
  REMOVEMAPPING: { struct: "fallocate_in" },
  SYNCFS: { struct: "forget_in" },
  TMPFILE: { struct: "create_in", names: 1, weight: 4 },
  STATX: { struct: "statx_in", weight: 4 },
  COPY_FILE_RANGE_64: { struct: "copy_file_range_in", weight: 3 },
} as const satisfies Record<OpcodeName, Shape>;

export function shapeOf(opcode: OpcodeName): Shape {
  return SHAPES[opcode];
}
