import { describe, expect, test } from "vitest";
import { bytesOfLength } from "../../../support/bytes.js";
import { kindOf } from "../../../support/error-kind.js";
import type { OpenContents } from "../content-store-contract.js";
import { readAll } from "../fixture.js";

const BLOCK = 4096;
const MIB = 1024 * 1024;

export function spaceContract(open: OpenContents): void {
  describe("the space of a staging file", () => {
    test("isn't taken by a hole", () => {
      const file = open().staged();
      file.truncate(64 * MIB);
      file.write({ from: Buffer.from("x"), offset: 32 * MIB });
      expect(file.stat().blocks * 512).toBeLessThan(MIB);
      expect(file.seek({ offset: 0, to: "data" })).toBe(32 * MIB);
      expect(file.seek({ offset: 32 * MIB, to: "hole" })).toBe(32 * MIB + BLOCK);
      expect(file.seek({ offset: 33 * MIB, to: "data" })).toBeUndefined();
      expect(readAll(file, { offset: 5 * MIB, length: BLOCK })).toStrictEqual(Buffer.alloc(BLOCK));
    });

    test.each([100, 100_000])("ends, for seek, with the file of %i bytes", (size) => {
      const file = open().staged(bytesOfLength(size));
      expect(file.seek({ offset: 0, to: "data" })).toBe(0);
      expect(file.seek({ offset: 10, to: "hole" })).toBe(size);
      expect(file.seek({ offset: size, to: "data" })).toBeUndefined();
      expect(file.seek({ offset: size, to: "hole" })).toBeUndefined();
    });

    test.each([2 * BLOCK, 50 * BLOCK])("comes back from a hole punched into %i bytes", (size) => {
      const bytes = bytesOfLength(size);
      const file = open().staged(bytes);
      const before = file.stat().blocks;
      file.allocate({ mode: "punch-hole", offset: BLOCK, length: BLOCK });
      expect(file.sizeBytes).toBe(size);
      expect(file.stat().blocks).toBeLessThan(before);
      bytes.fill(0, BLOCK, 2 * BLOCK);
      expect(readAll(file).equals(bytes)).toBe(true);
    });

    test.each([
      ["extend", 10, 9000],
      ["keep-size", 10, 10],
      ["zero", 10, 9000],
      ["zero-keep-size", 10, 10],
    ] as const)("allocated with %s, leaves %i bytes with a size of %i", (mode, size, expected) => {
      const file = open().staged(Buffer.alloc(size, 7));
      file.allocate({ mode, offset: 5, length: 8995 });
      expect(file.sizeBytes).toBe(expected);
      expect(file.stat()).toMatchObject({ sizeBytes: expected });
      expect(file.stat().blocks * 512).toBeGreaterThanOrEqual(9000);
      const all = readAll(file, { length: 10_000 });
      expect(all).toHaveLength(expected);
      const kept = mode.startsWith("zero") ? 5 : size;
      expect(all.subarray(0, kept)).toStrictEqual(Buffer.alloc(kept, 7));
      expect(all.subarray(kept).every((byte) => byte === 0)).toBe(true);
    });

    test("is refused when there can't be so much of it, and the file stays as it was", () => {
      const file = open().staged(Buffer.from("kept"));
      const request = { mode: "extend", offset: 0, length: 2 ** 52 } as const;
      expect(["no-space", "file-too-large"]).toContain(kindOf(() => file.allocate(request)));
      expect(readAll(file).toString()).toBe("kept");
    });

    test("is told, as statfs(2) does", () => {
      const capacity = open().store.capacity();
      expect(capacity.blocks).toBeGreaterThan(0);
      expect(capacity.blocksAvailable).toBeLessThanOrEqual(capacity.blocks);
      expect(capacity.blockBytes).toBeGreaterThanOrEqual(512);
      expect(capacity.filesFree).toBeGreaterThan(0);
    });
  });
}
