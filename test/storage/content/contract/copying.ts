import { describe, expect, test } from "vitest";
import { bytesOfLength } from "../../../support/bytes.js";
import { type OpenContents, SIZES } from "../content-store-contract.js";
import { type Contents, readAll } from "../fixture.js";

const MIB = 1024 * 1024;

async function copyUp(
  contents: Contents,
  { bytes, lengthBytes }: { bytes: Buffer; lengthBytes: number },
): Promise<Buffer> {
  const source = contents.store.open(await contents.sealed(bytes));
  const file = await contents.store.copyUp({ source, id: contents.nextId(), lengthBytes });
  source.close();
  expect(file.sizeBytes).toBe(lengthBytes);
  expect(contents.store.statStaging(file.id)).toMatchObject({ sizeBytes: lengthBytes });
  return readAll(file);
}

export function copyingContract(open: OpenContents): void {
  describe("a copy for writing", () => {
    test.each([...SIZES, 3 * MIB])("has all %i bytes of a sealed content", async (size) => {
      const bytes = bytesOfLength(size);
      const copy = await copyUp(open(), { bytes, lengthBytes: size });
      expect(copy.equals(bytes)).toBe(true);
    });

    test.each([
      [100_000, 10],
      [100_000, 70_000],
      [3 * MIB, 5000],
      [3 * MIB, 2 * MIB + 1],
    ])("of %i bytes has the first %i, when no more is wanted", async (size, lengthBytes) => {
      const bytes = bytesOfLength(size);
      const copy = await copyUp(open(), { bytes, lengthBytes });
      expect(copy.equals(bytes.subarray(0, lengthBytes))).toBe(true);
    });

    test("can be written without a change to the content", async () => {
      for (const size of SIZES) {
        const contents = open();
        const bytes = bytesOfLength(size);
        const content = await contents.sealed(bytes);
        const source = contents.store.open(content);
        const id = contents.nextId();
        const file = await contents.store.copyUp({ source, id, lengthBytes: size });
        file.write({ from: Buffer.from("#"), offset: 0 });
        expect(readAll(source).equals(bytes)).toBe(true);
        expect(contents.bytesOf(content).equals(bytes)).toBe(true);
        source.close();
      }
    });

    test("keeps the holes", async () => {
      const contents = open();
      const sparse = contents.staged();
      sparse.truncate(40 * MIB);
      sparse.write({ from: Buffer.from("middle"), offset: 20 * MIB });
      const [content] = await contents.seal(sparse.id);
      if (content === undefined) throw new Error("nothing was sealed");
      const source = contents.store.open(content);
      const id = contents.nextId();
      const lengthBytes = 40 * MIB;
      const file = await contents.store.copyUp({ source, id, lengthBytes });
      expect(file.stat().blocks * 512).toBeLessThan(MIB);
      expect(readAll(file, { offset: 20 * MIB, length: 6 }).toString()).toBe("middle");
      source.close();
    });

    test("of a staging file is one of its own", async () => {
      for (const size of SIZES) {
        const contents = open();
        const bytes = bytesOfLength(size);
        const source = contents.staged(bytes);
        const id = contents.nextId();
        const file = await contents.store.copyUp({ source, id, lengthBytes: size });
        source.write({ from: Buffer.from("#"), offset: 0 });
        expect(readAll(file).equals(bytes)).toBe(true);
      }
    });
  });

  describe("a span copied into a staging file", () => {
    test.each([
      [1000, 1000],
      [1000, 200_000],
      [200_000, 1000],
      [200_000, 200_000],
    ])("of %i bytes into %i lands where it should", (fromSize, toSize) => {
      const contents = open();
      const from = bytesOfLength(fromSize, 1);
      const to = bytesOfLength(toSize, 2);
      const source = contents.staged(from);
      const file = contents.staged(to);
      const span = { offset: 100, toOffset: 50, length: 800 };
      expect(file.copyFrom({ source, ...span })).toBe(800);
      from.copy(to, 50, 100, 900);
      expect(readAll(file).equals(to)).toBe(true);
    });

    test("grows the file, and past its old end there are zeros in between", () => {
      const contents = open();
      const source = contents.staged(Buffer.from("abc"));
      const file = contents.staged(Buffer.from("x"));
      file.copyFrom({ source, offset: 0, toOffset: 3, length: 3 });
      expect(readAll(file).toString()).toBe("x\0\0abc");
    });

    test("ends where the source does", () => {
      for (const size of [100, 100_000]) {
        const contents = open();
        const source = contents.staged(bytesOfLength(size));
        const file = contents.staged();
        const span = { offset: size - 10, toOffset: 0, length: 1000 };
        expect(file.copyFrom({ source, ...span })).toBe(10);
        expect(file.sizeBytes).toBe(10);
        const beyond = { offset: size, toOffset: 5000, length: 10 };
        expect(file.copyFrom({ source, ...beyond })).toBe(0);
        expect(file.sizeBytes).toBe(10);
      }
    });

    test("may come from the file itself", () => {
      for (const size of [1000, 100_000]) {
        const bytes = bytesOfLength(size);
        const file = open().staged(bytes);
        file.copyFrom({ source: file, offset: 0, toOffset: 500, length: 400 });
        bytes.copyWithin(500, 0, 400);
        expect(readAll(file).equals(bytes)).toBe(true);
      }
    });

    test("of a sealed content is the same", async () => {
      const contents = open();
      const bytes = bytesOfLength(100_000);
      const source = contents.store.open(await contents.sealed(bytes));
      const file = contents.staged();
      expect(file.copyFrom({ source, offset: 0, toOffset: 0, length: 100_000 })).toBe(100_000);
      expect(readAll(file).equals(bytes)).toBe(true);
      source.close();
    });
  });
}
