import { OPCODE, type OpcodeName } from "../../../src/fuse/protocol/constants.js";
import { entriesOf } from "./known.js";

/** What the kernel takes for an answer: fs/fuse/dev.c of Linux, fuse_dev_do_write(). */
const LARGEST_ERRNO = 511;
const HEADER_BYTES = 16;
const STRUCT_BYTES: Partial<Record<OpcodeName, number>> = {
  ...{ LOOKUP: 128, MKNOD: 128, MKDIR: 128, SYMLINK: 128, LINK: 128, CREATE: 144, TMPFILE: 144 },
  ...{ GETATTR: 104, SETATTR: 104, STATX: 288, STATFS: 80, INIT: 64, OPEN: 16, OPENDIR: 16 },
  ...{ WRITE: 8, LSEEK: 8, COPY_FILE_RANGE: 8, COPY_FILE_RANGE_64: 8 },
  ...{ UNLINK: 0, RMDIR: 0, RENAME: 0, RENAME2: 0, RELEASE: 0, RELEASEDIR: 0, FSYNC: 0 },
  ...{ FSYNCDIR: 0, FALLOCATE: 0, SETXATTR: 0, REMOVEXATTR: 0, DESTROY: 0 },
};
const LINK_MAX_BYTES = 4096;
const SIZE_AT: Partial<Record<OpcodeName, number>> = {
  ...{ READ: 40 + 16, READDIR: 40 + 16, READDIRPLUS: 40 + 16, GETXATTR: 40, LISTXATTR: 40 },
};
const NAME_OF = new Map<number, OpcodeName>(
  (Object.entries(OPCODE) as [OpcodeName, number][]).map(([name, code]) => [code, name]),
);

/** The opcode of a request as it went off, if it is one that the protocol has. */
export function opcodeOf(request: Buffer): OpcodeName | undefined {
  return NAME_OF.get(request.readUInt32LE(4));
}

/** What a kernel couldn't make sense of in the answer to a request; undefined for a good one. */
export function whyWrong(request: Buffer, answer: Buffer): string | undefined {
  if (answer.length < HEADER_BYTES) return `an answer of ${answer.length} bytes`;
  const said = answer.readUInt32LE(0);
  if (said !== answer.length) return `an answer of ${answer.length} bytes that says ${said}`;
  const error = answer.readInt32LE(4);
  const body = answer.subarray(HEADER_BYTES);
  if (error > 0 || error < -LARGEST_ERRNO) return `the error ${error}`;
  if (error !== 0) return body.length === 0 ? undefined : `an error with ${body.length} bytes`;
  const opcode = opcodeOf(request);
  return opcode === undefined ? "an unknown opcode succeeds" : wrongBody(request, opcode, body);
}

function wrongBody(request: Buffer, opcode: OpcodeName, body: Buffer): string | undefined {
  const expected = STRUCT_BYTES[opcode];
  if (expected !== undefined) {
    return body.length === expected ? undefined : `${body.length} bytes, not ${expected}`;
  }
  if (opcode === "READLINK") return atMost(LINK_MAX_BYTES, body);
  const at = SIZE_AT[opcode];
  if (at === undefined) return `${opcode} succeeds`;
  const size = request.readUInt32LE(at);
  if (/XATTR/.test(opcode) && size === 0) {
    return body.length === 8 ? undefined : `${body.length} bytes for a size`;
  }
  if (opcode === "READDIR") entriesOf(body, 0);
  if (opcode === "READDIRPLUS") entriesOf(body, STRUCT_BYTES.LOOKUP ?? 0);
  return atMost(size, body);
}

function atMost(size: number, body: Buffer): string | undefined {
  return body.length <= size ? undefined : `${body.length} bytes, where ${size} were asked for`;
}
