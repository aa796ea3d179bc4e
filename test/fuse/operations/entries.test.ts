import { constants } from "node:os";
import { describe, expect, test } from "vitest";
import type { OpcodeName } from "../../../src/fuse/protocol/constants.js";
import type { FileSystem } from "../../../src/vfs/file-system.js";
import { attributesOf, entryOf } from "../fake-file-system.js";
import { CREDENTIALS, FakeKernel, type Question } from "../fake-kernel.js";
import { decode, encode, sizeOf } from "../wire/c-struct.js";

const { EINVAL, EILSEQ, ENAMETOOLONG } = constants.errno;
const DAY = 24 * 60 * 60;

interface Case {
  readonly opcode: OpcodeName;
  readonly body: Question["body"];
  readonly method: keyof FileSystem;
  readonly request: unknown;
}

const CASES: readonly Case[] = [
  { opcode: "LOOKUP", body: ["ä b"], method: "lookup", request: { parent: 5, name: "ä b" } },
  {
    opcode: "MKNOD",
    body: [encode("mknod_in", { mode: 0o60640, rdev: 0x801, umask: 0o77 }), "disk"],
    method: "mknod",
    request: { parent: 5, name: "disk", mode: 0o60640, rdev: 0x801 },
  },
  {
    opcode: "MKDIR",
    body: [encode("mkdir_in", { mode: 0o40750, umask: 0o77 }), "dir"],
    method: "mkdir",
    request: { parent: 5, name: "dir", mode: 0o40750 },
  },
  {
    opcode: "SYMLINK",
    body: ["name", "../some/where"],
    method: "symlink",
    request: { parent: 5, name: "name", target: new Uint8Array(Buffer.from("../some/where")) },
  },
  {
    opcode: "LINK",
    body: [encode("link_in", { oldnodeid: 2 ** 34 }), "other"],
    method: "link",
    request: { ino: 2 ** 34, newParent: 5, newName: "other" },
  },
  { opcode: "UNLINK", body: ["gone"], method: "unlink", request: { parent: 5, name: "gone" } },
  { opcode: "RMDIR", body: ["gone"], method: "rmdir", request: { parent: 5, name: "gone" } },
  {
    opcode: "RENAME",
    body: [encode("rename_in", { newdir: 6 }), "old", "newer"],
    method: "rename",
    request: {
      parent: 5,
      name: "old",
      newParent: 6,
      newName: "newer",
      mode: "replace",
      whiteout: false,
    },
  },
];

describe("operations on names", () => {
  test.each(CASES)("$opcode becomes $method, with what it says", (asked) => {
    const kernel = new FakeKernel();
    const answer = kernel.ask({ opcode: asked.opcode, node: 5, body: asked.body ?? [] });
    expect(answer.errno).toBe(0);
    expect(kernel.calls).toEqual([
      {
        method: asked.method,
        caller: { ...CREDENTIALS, identity: { isAdmin: false } },
        request: asked.request,
      },
    ]);
  });

  test.each([
    [0, "replace", false],
    [1, "no-replace", false],
    [2, "exchange", false],
    [4, "replace", true],
    [5, "no-replace", true],
  ] as const)("RENAME2 with the flags %i renames by %s, whiteout: %s", (flags, mode, whiteout) => {
    const kernel = new FakeKernel();
    const body = [encode("rename2_in", { newdir: 6, flags }), "a", "b"];
    kernel.ask({ opcode: "RENAME2", node: 5, body });
    expect(kernel.requestsTo("rename")).toEqual([
      { parent: 5, name: "a", newParent: 6, newName: "b", mode, whiteout },
    ]);
  });

  test("RENAME2 with flags that nobody knows is invalid, and never reaches the file system", () => {
    const kernel = new FakeKernel();
    const body = [encode("rename2_in", { newdir: 6, flags: 8 }), "a", "b"];
    expect(kernel.errnoOf({ opcode: "RENAME2", body })).toBe(EINVAL);
    expect(kernel.calls).toEqual([]);
  });

  test.each(["UNLINK", "RMDIR", "RENAME"] as const)(
    "%s answers nothing but that it's done",
    (opcode) => {
      const kernel = new FakeKernel();
      const body = CASES.find((asked) => asked.opcode === opcode)?.body ?? [];
      expect(kernel.ask({ opcode, body }).body).toHaveLength(0);
    },
  );
});

describe("the entry that an answer carries", () => {
  test.each(CASES.slice(0, 5))(
    "is a whole struct fuse_entry_out: $opcode",
    ({ opcode, body, method }) => {
      const kernel = new FakeKernel({ [method]: () => entryOf(2 ** 40 + 1) });
      const answer = kernel.ask({ opcode, body: body ?? [] });
      const attributes = attributesOf(2 ** 40 + 1);
      expect(answer.body).toHaveLength(sizeOf("entry_out"));
      expect(decode("entry_out", answer.body)).toMatchObject({
        nodeid: 2 ** 40 + 1,
        generation: 0,
        entry_valid: DAY,
        attr_valid: DAY,
        entry_valid_nsec: 0,
        attr_valid_nsec: 0,
        ino: attributes.ino,
        size: attributes.sizeBytes,
        mode: attributes.mode,
        nlink: attributes.nlink,
        mtimensec: attributes.mtime.nsec,
        rdev: attributes.rdev,
        flags: 0,
      });
    },
  );

  test("of a name that isn't there is inode 0, which the kernel remembers for as long", () => {
    const kernel = new FakeKernel({ lookup: () => undefined });
    const answer = kernel.ask({ opcode: "LOOKUP", body: ["absent"] });
    expect(answer.errno).toBe(0);
    expect(answer.body).toHaveLength(sizeOf("entry_out"));
    const { entry_valid, ...others } = decode("entry_out", answer.body);
    expect(entry_valid).toBe(DAY);
    expect(Object.values(others).every((value) => value === 0)).toBe(true);
  });
});

describe("a name", () => {
  test.each([
    ["a dot", ".", EINVAL],
    ["two dots", "..", EINVAL],
    ["nothing", "", EINVAL],
    ["a slash", "a/b", EINVAL],
    ["a line feed", "a\nb", EINVAL],
    ["256 bytes", "ä".repeat(128), ENAMETOOLONG],
    ["Latin-1", Buffer.from([0xe9, 0]), EILSEQ],
  ])("of %s is refused before the file system sees it", (_what, name, errno) => {
    const kernel = new FakeKernel();
    const fixed = Buffer.alloc(16);
    expect(kernel.errnoOf({ opcode: "LOOKUP", body: [name] })).toBe(errno);
    expect(kernel.errnoOf({ opcode: "UNLINK", body: [name] })).toBe(errno);
    expect(kernel.errnoOf({ opcode: "MKDIR", body: [fixed.subarray(8), name] })).toBe(errno);
    expect(kernel.errnoOf({ opcode: "CREATE", body: [fixed, name] })).toBe(errno);
    expect(kernel.errnoOf({ opcode: "RENAME2", body: [fixed, "fine", name] })).toBe(errno);
    expect(kernel.errnoOf({ opcode: "RENAME2", body: [fixed, name, "fine"] })).toBe(errno);
    expect(kernel.errnoOf({ opcode: "LINK", body: [fixed.subarray(8), name] })).toBe(errno);
    expect(kernel.errnoOf({ opcode: "SYMLINK", body: [name, "target"] })).toBe(errno);
    expect(kernel.calls).toEqual([]);
  });

  test("of 255 bytes, and one that only looks like dots, goes through", () => {
    const kernel = new FakeKernel();
    for (const name of ["ä".repeat(127), "...", "file..txt", " "]) {
      expect(kernel.errnoOf({ opcode: "LOOKUP", body: [name] })).toBe(0);
    }
  });
});

test("a symlink's target keeps every byte, on the way in and out", () => {
  const target = Buffer.from([0x2f, 0xff, 0xfe, 0x0a, 0x80]);
  const kernel = new FakeKernel({ readlink: () => target });
  kernel.ask({ opcode: "SYMLINK", body: ["name", Buffer.concat([target, Buffer.alloc(1)])] });
  // The kernel's buffer is used again: the file system must have a copy of its own.
  kernel.ask({ opcode: "LOOKUP", body: ["overwrites what the buffer held"] });
  expect(kernel.requestsTo("symlink")).toEqual([
    { parent: 1, name: "name", target: new Uint8Array(target) },
  ]);
  expect(kernel.ask({ opcode: "READLINK", node: 3 }).body).toEqual(target);
  expect(kernel.requestsTo("readlink")).toEqual([{ ino: 3 }]);
});
