import { constants } from "node:os";
import { describe, expect, test } from "vitest";
import { S_IFDIR, S_IFLNK } from "../../../src/model/attributes.js";
import { NexusError } from "../../../src/model/errors.js";
import { FIRST_VIRTUAL_INO } from "../../../src/model/ids.js";
import type { ListedEntryPlus } from "../../../src/vfs/file-system.js";
import { attributesOf, entryOf } from "../fake-file-system.js";
import { FakeKernel } from "../fake-kernel.js";
import { decode, encode, sizeOf } from "../wire/c-struct.js";

// Nothing of a virtual inode may stay in the kernel; the tests of the other operations show that
// everything of a real one does.

const INO = FIRST_VIRTUAL_INO + 2 ** 51 + 77;
const REAL = FIRST_VIRTUAL_INO - 1;
const LISTING = 2 ** 52 + 5;

/** The bits of `open_flags`, as fuse.h numbers them. */
const DIRECT_IO = 1 << 0;
const KEEP_CACHE = 1 << 1;
const CACHE_DIR = 1 << 3;

const read = (fh: number) => encode("read_in", { fh, offset: 3, size: 4096 });
const release = (fh: number) => encode("release_in", { fh, flags: 0, release_flags: 0 });

describe("of a virtual inode the kernel keeps", () => {
  test("no entry and no attributes", () => {
    const kernel = new FakeKernel({ lookup: () => entryOf(INO) });
    const { body } = kernel.ask({ opcode: "LOOKUP", node: 5, body: ["name"] });
    expect(decode("entry_out", body)).toMatchObject({
      nodeid: INO,
      entry_valid: 0,
      attr_valid: 0,
      entry_valid_nsec: 0,
      attr_valid_nsec: 0,
    });
  });

  test("no attributes that it asks for", () => {
    const kernel = new FakeKernel({ getattr: () => attributesOf(INO) });
    const body = [encode("getattr_in", {})];
    const { body: answer } = kernel.ask({ opcode: "GETATTR", node: INO, body });
    expect(decode("attr_out", answer)).toMatchObject({ attr_valid: 0, ino: INO });
    const statx = kernel.ask({ opcode: "STATX", node: INO, body: [encode("statx_in", {})] });
    expect(decode("statx_out", statx.body)).toMatchObject({ attr_valid: 0 });
  });

  test("not that a name is missing", () => {
    const kernel = new FakeKernel({
      lookup: () => {
        throw new NexusError("not-found", "not now");
      },
    });
    const answer = kernel.ask({ opcode: "LOOKUP", node: INO, body: ["name"] });
    expect(answer.errno).toBe(constants.errno.ENOENT);
    expect(kernel.log).toEqual([]);
  });

  test("no content", () => {
    const kernel = new FakeKernel({ open: () => ({ handle: LISTING }) });
    const flags = (node: number) => {
      const answer = kernel.ask({ opcode: "OPEN", node, body: [encode("open_in", { flags: 0 })] });
      return decode("open_out", answer.body).open_flags;
    };
    expect(flags(INO)).toBe(DIRECT_IO);
    expect(flags(REAL)).toBe(KEEP_CACHE);
  });

  test("no listing", () => {
    const kernel = new FakeKernel({ opendir: () => ({ handle: LISTING }) });
    const body = [encode("open_in", { flags: 0 })];
    const answer = kernel.ask({ opcode: "OPENDIR", node: INO, body });
    expect(decode("open_out", answer.body)).toMatchObject({ fh: LISTING, open_flags: 0 });
  });

  test("of a listing with attributes, not even those", () => {
    const entry: ListedEntryPlus = {
      name: "item",
      ino: attributesOf(INO).ino,
      mode: S_IFLNK,
      cookie: 9,
      attributes: undefined,
    };
    const kernel = new FakeKernel({ readdirPlus: (_caller, { emit }) => void emit(entry) });
    const { body } = kernel.ask({ opcode: "READDIRPLUS", node: INO, body: [read(LISTING)] });
    expect(decode("entry_out", body)).toMatchObject({ nodeid: 0, entry_valid: 0, attr_valid: 0 });
    expect(decode("dirent", body.subarray(sizeOf("entry_out")))).toMatchObject({
      ino: INO,
      off: 9,
    });
    kernel.session.abort();
    expect(kernel.requestsTo("forget")).toEqual([]);
  });
});

describe("the handle of a listing", () => {
  const kernelWith = (handle: number | undefined) =>
    new FakeKernel({ opendir: () => (handle === undefined ? undefined : { handle }) });
  const open = { opcode: "OPENDIR", node: INO, body: [encode("open_in", { flags: 0 })] } as const;

  test("goes with every request for entries", () => {
    const kernel = kernelWith(LISTING);
    kernel.ask(open);
    kernel.ask({ opcode: "READDIR", node: INO, body: [read(LISTING)] });
    kernel.ask({ opcode: "READDIRPLUS", node: INO, body: [read(LISTING)] });
    expect(kernel.requestsTo("readdir")).toMatchObject([{ handle: LISTING, cookie: 3 }]);
    expect(kernel.requestsTo("readdirPlus")).toMatchObject([{ handle: LISTING, cookie: 3 }]);
  });

  test("is released once, with the directory", () => {
    const kernel = kernelWith(LISTING);
    kernel.ask(open);
    kernel.ask({ opcode: "RELEASEDIR", node: INO, body: [release(LISTING)] });
    expect(kernel.requestsTo("release")).toEqual([{ handle: LISTING }]);
    kernel.session.abort();
    expect(kernel.requestsTo("release")).toEqual([{ handle: LISTING }]);
  });

  test("is released at the end of the mount, if nobody did", () => {
    const kernel = kernelWith(LISTING);
    kernel.ask(open);
    kernel.session.abort();
    expect(kernel.requestsTo("release")).toEqual([{ handle: LISTING }]);
  });

  test("is 0 where there is none, which isn't the file of that number", () => {
    const kernel = new FakeKernel({ opendir: () => undefined, open: () => ({ handle: 0 }) });
    const answer = kernel.ask({ ...open, node: REAL });
    const flags = KEEP_CACHE | CACHE_DIR;
    expect(decode("open_out", answer.body)).toMatchObject({ fh: 0, open_flags: flags });
    kernel.ask({ opcode: "OPEN", node: 7, body: [encode("open_in", { flags: 0 })] });
    kernel.ask({ opcode: "RELEASEDIR", node: REAL, body: [release(0)] });
    expect(kernel.requestsTo("release")).toEqual([]);
    kernel.session.abort();
    expect(kernel.requestsTo("release")).toEqual([{ handle: 0 }]);
  });
});

test("a real directory is told from a virtual one by its number alone", () => {
  const kernel = new FakeKernel({ getattr: () => attributesOf(REAL, { mode: S_IFDIR }) });
  const answer = kernel.ask({ opcode: "GETATTR", node: REAL, body: [encode("getattr_in", {})] });
  expect(decode("attr_out", answer.body)).toMatchObject({ attr_valid: 24 * 60 * 60 });
});
