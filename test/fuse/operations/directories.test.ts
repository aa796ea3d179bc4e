import { describe, expect, test } from "vitest";
import { S_IFDIR, S_IFREG } from "../../../src/model/attributes.js";
import type { Ino } from "../../../src/model/ids.js";
import type { ListedEntryPlus, ReaddirRequest } from "../../../src/vfs/file-system.js";
import { attributesOf } from "../fake-file-system.js";
import { FakeKernel } from "../fake-kernel.js";
import { decode, encode, sizeOf } from "../wire/c-struct.js";

const DIRENT = sizeOf("dirent");
const ENTRY_OUT = sizeOf("entry_out");

function listed(name: string, ino: number, mode = S_IFREG): ListedEntryPlus {
  return { name, ino: ino as Ino, mode, cookie: 2 ** 41 + ino, attributes: attributesOf(ino) };
}

const LISTING = [
  { ...listed(".", 1, S_IFDIR), attributes: undefined },
  { ...listed("..", 1, S_IFDIR), attributes: undefined },
  listed("a", 11),
  listed("eight888", 12, 0o120777),
  listed("ünïcode", 13, S_IFDIR | 0o755),
];

/** A directory of these entries: how many of them were taken, and what came of it. */
function list(
  opcode: "READDIR" | "READDIRPLUS",
  { entries = LISTING, size = 4096 }: { entries?: ListedEntryPlus[]; size?: number } = {},
) {
  let taken = 0;
  const emitAll = (_caller: unknown, { emit }: { emit: (entry: ListedEntryPlus) => boolean }) => {
    for (const entry of entries) {
      if (!emit(entry)) return;
      taken += 1;
    }
  };
  const kernel = new FakeKernel({
    readdir: emitAll as (caller: unknown, request: ReaddirRequest) => void,
    readdirPlus: emitAll,
  });
  const body = [encode("read_in", { fh: 0, offset: 2 ** 41, size })];
  const answer = kernel.ask({ opcode, node: 5, body });
  return { kernel, answer, taken: () => taken };
}

/** Goes through a listing as fs/fuse/readdir.c does. */
function parse(bytes: Buffer, prefix: number) {
  const entries: { name: string; entry: Buffer; dirent: ReturnType<typeof decode<"dirent">> }[] =
    [];
  let at = 0;
  while (at + prefix + DIRENT <= bytes.length) {
    const dirent = decode("dirent", bytes.subarray(at + prefix));
    const start = at + prefix + DIRENT;
    const end = start + dirent.namelen;
    expect(end).toBeLessThanOrEqual(bytes.length);
    const name = bytes.subarray(start, end).toString();
    entries.push({ name, dirent, entry: bytes.subarray(at, at + prefix) });
    const next = at + ((prefix + DIRENT + dirent.namelen + 7) & ~7);
    expect(bytes.subarray(end, next).every((byte) => byte === 0)).toBe(true);
    at = next;
  }
  expect(at).toBe(bytes.length);
  return entries;
}

describe("READDIR", () => {
  test("answers names, inodes, cookies and types", () => {
    const { kernel, answer } = list("READDIR");
    expect(parse(answer.body, 0).map(({ name, dirent }) => ({ name, ...dirent }))).toEqual(
      LISTING.map(({ name, ino, cookie, mode }) => ({
        name,
        ino,
        off: cookie,
        namelen: Buffer.byteLength(name),
        type: mode >>> 12, // DT_REG and the others are the type bits of a mode
      })),
    );
    expect(kernel.requestsTo("readdir")).toMatchObject([{ ino: 5, cookie: 2 ** 41 }]);
  });

  test("counts no look-ups", () => {
    const { kernel } = list("READDIR");
    kernel.session.abort();
    expect(kernel.requestsTo("forget")).toEqual([]);
  });

  test("asks for about as many entries as there is room for", () => {
    const { kernel } = list("READDIR", { size: 4096 });
    const [{ limit = 0 } = {}] = kernel.requestsTo("readdir") as ReaddirRequest[];
    expect(limit).toBeGreaterThan(50);
    expect(limit).toBeLessThan(200);
  });
});

describe("READDIRPLUS", () => {
  test("answers the attributes too, but for the dots", () => {
    const entries = parse(list("READDIRPLUS").answer.body, ENTRY_OUT);
    expect(entries.map(({ name }) => name)).toEqual(LISTING.map(({ name }) => name));
    const nodes = entries.map(({ entry }) => decode("entry_out", entry));
    expect(nodes.map(({ nodeid }) => nodeid)).toEqual([0, 0, 11, 12, 13]);
    expect(entries[0]?.entry.every((byte) => byte === 0)).toBe(true);
    expect(nodes[2]).toMatchObject({ ino: 11, size: attributesOf(11).sizeBytes, nlink: 3 });
  });

  test("counts a look-up of each entry but the dots", () => {
    const { kernel } = list("READDIRPLUS");
    kernel.session.abort();
    expect(kernel.requestsTo("forget")).toEqual([11, 12, 13].map((ino) => ({ ino, count: 1 })));
  });

  test("counts no look-up of an entry that there was no room for", () => {
    const oneEntry = ENTRY_OUT + DIRENT + 8;
    const entries = LISTING.slice(2);
    const { kernel, answer, taken } = list("READDIRPLUS", { entries, size: oneEntry * 2 - 1 });
    expect(parse(answer.body, ENTRY_OUT).map(({ name }) => name)).toEqual(["a"]);
    expect(taken()).toBe(1);
    kernel.session.abort();
    expect(kernel.requestsTo("forget")).toEqual([{ ino: 11, count: 1 }]);
  });
});

describe.each([
  ["READDIR", 0],
  ["READDIRPLUS", ENTRY_OUT],
] as const)("the room of a %s", (opcode, prefix) => {
  test("is filled with whole entries, and to the last byte when they fit", () => {
    const bytes = (count: number) =>
      LISTING.slice(0, count).reduce(
        (sum, { name }) => sum + ((prefix + DIRENT + Buffer.byteLength(name) + 7) & ~7),
        0,
      );
    for (let count = 1; count <= LISTING.length; count++) {
      const exact = list(opcode, { size: bytes(count) });
      expect(exact.taken()).toBe(count);
      expect(exact.answer.body).toHaveLength(bytes(count));
      expect(list(opcode, { size: bytes(count) - 1 }).taken()).toBe(count - 1);
    }
  });

  test("that is larger than any answer of ours is used as far as an answer goes", () => {
    const entries = Array.from({ length: 10_000 }, (_, index) =>
      listed("n".repeat(250) + String(index).padStart(5, "0"), index + 20),
    );
    const { answer, taken } = list(opcode, { entries, size: 2 ** 32 - 1 });
    expect(taken()).toBeGreaterThan(2000);
    expect(taken()).toBeLessThan(entries.length);
    expect(parse(answer.body, prefix)).toHaveLength(taken());
  });
});

test("OPENDIR asks whether one may, and lets the kernel keep the listing", () => {
  const kernel = new FakeKernel();
  const { body } = kernel.ask({ opcode: "OPENDIR", node: 5, body: [encode("open_in", {})] });
  expect(kernel.requestsTo("opendir")).toEqual([{ ino: 5 }]);
  expect(body).toHaveLength(sizeOf("open_out"));
  expect(decode("open_out", body)).toEqual({ fh: 0, open_flags: 2 | 8, padding: 0 });
});

test("RELEASEDIR has nothing to release", () => {
  const kernel = new FakeKernel();
  const release = [encode("release_in", { fh: 0 })];
  expect(kernel.ask({ opcode: "RELEASEDIR", node: 5, body: release })).toMatchObject({ errno: 0 });
  expect(kernel.calls).toEqual([]);
});
