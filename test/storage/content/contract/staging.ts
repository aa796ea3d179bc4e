import { describe, expect, test } from "vitest";
import type { StagingId } from "../../../../src/model/ids.js";
import { bytesOfLength } from "../../../support/bytes.js";
import { kindOf } from "../../../support/error-kind.js";
import { type OpenContents, SIZES } from "../content-store-contract.js";
import { readAll } from "../fixture.js";

export function stagingContract(open: OpenContents): void {
  describe("a staging file", () => {
    test("starts empty", () => {
      const contents = open();
      const file = contents.staged();
      expect(file.sizeBytes).toBe(0);
      expect(readAll(file, { length: 10 })).toHaveLength(0);
      expect(file.stat()).toMatchObject({ sizeBytes: 0, isFrozen: false });
    });

    test.each(SIZES)("gives back the %i bytes that were written", (size) => {
      const bytes = bytesOfLength(size);
      const file = open().staged(bytes);
      expect(file.sizeBytes).toBe(size);
      expect(readAll(file).equals(bytes)).toBe(true);
      expect(readAll(file, { offset: size - 1, length: 100 })).toHaveLength(1);
      expect(readAll(file, { offset: size + 5, length: 100 })).toHaveLength(0);
    });

    test("has zeros between its end and a later write", () => {
      const file = open().staged(Buffer.from("ab"));
      file.write({ from: Buffer.from("z"), offset: 5 });
      expect(readAll(file)).toStrictEqual(Buffer.from("ab\0\0\0z"));
    });

    test("has zeros, not old bytes, where it was cut and grew again", () => {
      const file = open().staged(Buffer.from("secret"));
      file.truncate(2);
      file.truncate(4);
      file.write({ from: Buffer.from("!"), offset: 5 });
      expect(readAll(file)).toStrictEqual(Buffer.from("se\0\0\0!"));
    });

    test("doesn't change when no bytes are written to it, not even past its end", () => {
      for (const size of [2, 100_000]) {
        const file = open().staged(Buffer.alloc(size, 1));
        file.write({ from: Buffer.alloc(0), offset: size + 50 });
        expect(file.sizeBytes).toBe(size);
        expect(file.stat().sizeBytes).toBe(size);
      }
    });

    test("keeps the writer's buffer to the writer", () => {
      const bytes = Buffer.from("before");
      const file = open().staged(bytes);
      bytes.fill("x");
      expect(readAll(file).toString()).toBe("before");
    });

    test("grows through all sizes while it is open", () => {
      const file = open().staged();
      const all = bytesOfLength(200_000);
      for (let at = 0; at < all.length; at += 10_000) {
        file.write({ from: all.subarray(at, at + 10_000), offset: at });
        expect(file.sizeBytes).toBe(at + 10_000);
      }
      expect(readAll(file).equals(all)).toBe(true);
    });

    test("is the same file for whoever opens it by its id", () => {
      const contents = open();
      const id = contents.stage(Buffer.from("mine"));
      expect(contents.stagedBytes(id).toString()).toBe("mine");
      expect(contents.store.statStaging(id)).toMatchObject({ sizeBytes: 4, isFrozen: false });
    });

    test("has the modification time that it was given, until it is written", () => {
      for (const size of [10, 100_000]) {
        const file = open().staged(bytesOfLength(size));
        file.setModified({ sec: 1_000_000_000, nsec: 250_000_000 });
        expect(file.stat().mtime).toStrictEqual({ sec: 1_000_000_000, nsec: 250_000_000 });
        file.write({ from: Buffer.from("x"), offset: 0 });
        expect(file.stat().mtime.sec).toBeGreaterThan(1_700_000_000);
      }
    });

    test("syncs, whatever its size", async () => {
      for (const size of SIZES) {
        const file = open().staged(bytesOfLength(size));
        await expect(file.sync()).resolves.toBeUndefined();
        file.write({ from: Buffer.from("x"), offset: size });
        await expect(file.sync()).resolves.toBeUndefined();
      }
    });
  });

  describe("the set of staging files", () => {
    test("is told by id, without those that were discarded", async () => {
      const contents = open();
      const ids = SIZES.map((size) => contents.stage(bytesOfLength(size)));
      const byNumber = (a: number, b: number) => a - b;
      expect(contents.store.stagingIds().sort(byNumber)).toStrictEqual(ids);
      const gone = ids.filter((_, index) => index % 2 === 0);
      await contents.store.discardStaging(gone);
      const left = ids.filter((id) => !gone.includes(id));
      expect(contents.store.stagingIds().sort(byNumber)).toStrictEqual(left);
      for (const id of gone) {
        expect(contents.store.statStaging(id)).toBeUndefined();
        expect(kindOf(() => contents.store.openStaging(id))).toBe("corrupt");
      }
    });

    test("doesn't mind if one is discarded twice, or never was", async () => {
      const contents = open();
      const id = contents.stage(Buffer.from("once"));
      const never = 999 as StagingId;
      await contents.store.discardStaging([id, never]);
      await expect(contents.store.discardStaging([id, never])).resolves.toBeUndefined();
    });

    test("keeps for whoever has it open what is discarded", async () => {
      for (const size of [10, 100_000]) {
        const contents = open();
        const bytes = bytesOfLength(size);
        const file = contents.staged(bytes);
        await contents.store.discardStaging([file.id]);
        expect(readAll(file).equals(bytes)).toBe(true);
      }
    });
  });
}
