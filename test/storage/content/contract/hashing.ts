import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { EMPTY_HASH, type StagingId } from "../../../../src/model/ids.js";
import { bytesOfLength } from "../../../support/bytes.js";
import { type OpenContents, SIZES } from "../content-store-contract.js";
import { hashOf } from "../fixture.js";

const MIB = 1024 * 1024;

export function hashingContract(open: OpenContents): void {
  describe("hashing", () => {
    test("gives the SHA-256 of each content, of any size, in one go", async () => {
      const contents = open();
      const all = SIZES.map((size) => bytesOfLength(size, size));
      const ids = all.map((bytes) => contents.stage(bytes));
      const hashes = await contents.store.hash(ids);
      expect([...hashes]).toHaveLength(ids.length);
      expect(ids.map((id) => hashes.get(id))).toStrictEqual(all.map(hashOf));
    });

    test("knows the empty content", async () => {
      const contents = open();
      const file = contents.staged(Buffer.from("x"));
      file.truncate(0);
      expect((await contents.store.hash([file.id])).get(file.id)).toBe(EMPTY_HASH);
    });

    test("counts holes as zeros", async () => {
      const contents = open();
      const file = contents.staged();
      file.truncate(MIB);
      const hashes = await contents.store.hash([file.id]);
      expect(hashes.get(file.id)).toBe(hashOf(Buffer.alloc(MIB)));
    });

    test("leaves out what is gone", async () => {
      const contents = open();
      const id = contents.stage(Buffer.from("here"));
      const hashes = await contents.store.hash([999 as StagingId, id]);
      expect([...hashes.keys()]).toStrictEqual([id]);
    });

    test("of a large content stops when it is cancelled, and can begin anew", async () => {
      const contents = open();
      const file = contents.staged();
      file.truncate(64 * MIB);
      const hashing = contents.store.hash([file.id]);
      contents.store.cancelHash(file.id);
      expect((await hashing).get(file.id)).toBeUndefined();
      file.truncate(5);
      expect((await contents.store.hash([file.id])).get(file.id)).toBe(hashOf(Buffer.alloc(5)));
    });

    test("that was cancelled doesn't disturb the next one of the same content", async () => {
      const contents = open();
      const file = contents.staged();
      file.truncate(48 * MIB);
      const cancelled = contents.store.hash([file.id]);
      // It is under way.
      await setImmediate();
      contents.store.cancelHash(file.id);
      file.truncate(32 * MIB);
      const hashing = contents.store.hash([file.id]);
      await cancelled;
      expect((await hashing).get(file.id)).toBe(hashOf(Buffer.alloc(32 * MIB)));
    });

    test("takes the bytes as they are at the call", async () => {
      const contents = open();
      const file = contents.staged(Buffer.from("before"));
      const hashing = contents.store.hash([file.id]);
      file.write({ from: Buffer.from("after!"), offset: 0 });
      expect((await hashing).get(file.id)).toBe(hashOf(Buffer.from("before")));
    });
  });
}
