import { constants } from "node:os";
import { describe, expect, test } from "vitest";
import { S_IFDIR } from "../../../src/model/attributes.js";
import type { FileSystem, ListedEntry } from "../../../src/vfs/file-system.js";
import { attributesOf, entryOf } from "../fake-file-system.js";
import { CREDENTIALS, FakeKernel, type Question } from "../fake-kernel.js";
import { decode, encode, sizeOf } from "../wire/c-struct.js";

// One kernel, one cache, many users: of a directory in which their ways part it may keep nothing.

const DAY = 24 * 60 * 60;
/** Where the places of several tenants meet, and a directory that is one's own. */
const SHARED = 5;
const OWN = 7;

const KEEP_CACHE = 1 << 1;
const CACHE_DIR = 1 << 3;

const variesByCaller: FileSystem["variesByCaller"] = ({ ino }) => ino === SHARED;

function kernelOf(instead: Partial<FileSystem> = {}, callersDiffer = true): FakeKernel {
  return new FakeKernel({ variesByCaller, ...instead }, { callersDiffer });
}

const MAKING: readonly (Pick<Question, "opcode" | "body"> & { readonly opcode: string })[] = [
  { opcode: "LOOKUP", body: ["name"] },
  { opcode: "MKNOD", body: [encode("mknod_in", { mode: 0o100644 }), "name"] },
  { opcode: "MKDIR", body: [encode("mkdir_in", { mode: 0o755 }), "name"] },
  { opcode: "SYMLINK", body: ["name", "target"] },
  { opcode: "LINK", body: [encode("link_in", { oldnodeid: 8 }), "name"] },
  { opcode: "CREATE", body: [encode("create_in", { flags: 1, mode: 0o644 }), "name"] },
  { opcode: "TMPFILE", body: [encode("create_in", { flags: 1, mode: 0o644 }), "name"] },
];

const read = encode("read_in", { fh: 0, offset: 0, size: 4096 });

/** The seconds in the answer about an entry: of the name, and of the attributes. */
function secondsOf(kernel: FakeKernel, question: Question): readonly [unknown, unknown] {
  const { entry_valid, attr_valid } = decode("entry_out", kernel.ask(question).body);
  return [entry_valid, attr_valid];
}

describe("where callers differ the kernel keeps", () => {
  test.each(MAKING)("no name in a shared directory: $opcode", ({ opcode, body = [] }) => {
    const question = { opcode, body, node: SHARED } as const;
    expect(secondsOf(kernelOf(), question)).toEqual([0, DAY]);
    const alone = kernelOf({}, false);
    expect(secondsOf(alone, question)).toEqual([DAY, DAY]);
    expect(alone.requestsTo("variesByCaller")).toEqual([]);
  });

  test.each(MAKING)("every name below as long as ever: $opcode", ({ opcode, body = [] }) => {
    expect(secondsOf(kernelOf(), { opcode, body, node: OWN })).toEqual([DAY, DAY]);
  });

  test("not the attributes of a shared directory that a name led to", () => {
    const kernel = kernelOf({ lookup: () => entryOf(SHARED, { mode: S_IFDIR | 0o755 }) });
    expect(secondsOf(kernel, { opcode: "LOOKUP", node: SHARED, body: ["a"] })).toEqual([0, 0]);
  });

  test("not that a name is missing from a shared directory", () => {
    const kernel = kernelOf({ lookup: () => undefined });
    const seconds = (node: number) => secondsOf(kernel, { opcode: "LOOKUP", node, body: ["a"] })[0];
    expect([seconds(SHARED), seconds(OWN)]).toEqual([0, DAY]);
  });

  test.each([
    ["GETATTR", "attr_out", encode("getattr_in", {})],
    ["SETATTR", "attr_out", encode("setattr_in", {})],
    ["STATX", "statx_out", encode("statx_in", {})],
  ] as const)("no attributes of a shared directory: %s", (opcode, struct, body) => {
    const seconds = (ino: number, callersDiffer = true) => {
      const attributes = () => attributesOf(ino);
      const kernel = kernelOf({ getattr: attributes, setattr: attributes }, callersDiffer);
      return decode(struct, kernel.ask({ opcode, node: ino, body: [body] }).body).attr_valid;
    };
    expect([seconds(SHARED), seconds(OWN), seconds(SHARED, false)]).toEqual([0, DAY, DAY]);
  });

  test("no listing of a shared directory", () => {
    const flags = (node: number, callersDiffer = true) => {
      const body = [encode("open_in", { flags: 0 })];
      const answer = kernelOf({}, callersDiffer).ask({ opcode: "OPENDIR", node, body });
      return decode("open_out", answer.body).open_flags;
    };
    const kept = KEEP_CACHE | CACHE_DIR;
    expect([flags(SHARED), flags(OWN), flags(SHARED, false)]).toEqual([0, kept, kept]);
  });

  test("of a shared directory's listing with attributes only the names", () => {
    const entry: ListedEntry = { name: "acme", ino: entryOf(9).ino, mode: S_IFDIR, cookie: 3 };
    const listing: Partial<FileSystem> = {
      readdir: (_caller, { emit }) => void emit(entry),
      readdirPlus: (_caller, { emit }) => void emit({ ...entry, attributes: attributesOf(9) }),
    };
    const kernel = kernelOf(listing);
    const body = (node: number) => kernel.ask({ opcode: "READDIRPLUS", node, body: [read] }).body;
    const shared = body(SHARED);
    expect(decode("entry_out", shared)).toMatchObject({ nodeid: 0, entry_valid: 0 });
    expect(decode("dirent", shared.subarray(sizeOf("entry_out")))).toMatchObject({
      ino: 9,
      off: 3,
    });
    expect(decode("entry_out", body(OWN))).toMatchObject({ nodeid: 9, entry_valid: DAY });
    kernel.session.abort();
    expect(kernel.requestsTo("forget")).toEqual([{ ino: 9, count: 1 }]);
  });
});

describe("a process that may do nothing here", () => {
  test("is refused whatever it asks, and nothing is asked of the file system", () => {
    const kernel = new FakeKernel({}, { identify: () => undefined });
    for (const { opcode, body = [] } of MAKING) {
      expect(kernel.errnoOf({ opcode, body })).toBe(constants.errno.EACCES);
    }
    for (const opcode of ["GETATTR", "STATFS", "OPENDIR", "READLINK", "LISTXATTR"] as const) {
      expect(kernel.errnoOf({ opcode, body: [Buffer.alloc(16)] })).toBe(constants.errno.EACCES);
    }
    expect(kernel.calls).toEqual([]);
    expect(kernel.log).toEqual([]);
  });
});

describe("what the kernel writes back from a mapping", () => {
  const write = (flags: number) => {
    const kernel = new FakeKernel();
    const fixed = encode("write_in", { fh: 9, offset: 0, size: 2, write_flags: flags });
    kernel.ask({ opcode: "WRITE", node: OWN, body: [fixed, Buffer.from("ab")] });
    return kernel.calls[0]?.caller;
  };

  test("is written on nobody's behalf: its writer opened the file, and has been told it is done", () => {
    expect(write(1 << 0)).toEqual({ ...CREDENTIALS, identity: { isAdmin: true } });
  });

  test("which no other write is", () => {
    expect(write(0)).toEqual({ ...CREDENTIALS, identity: { isAdmin: false } });
    expect(write(1 << 2)).toEqual({ ...CREDENTIALS, identity: { isAdmin: false } });
  });
});
