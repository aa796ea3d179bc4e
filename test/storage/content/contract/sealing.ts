import { describe, expect, test } from "vitest";
import { EMPTY_HASH } from "../../../../src/model/ids.js";
import { bytesOfLength } from "../../../support/bytes.js";
import { kindOf, kindOfLater } from "../../../support/error-kind.js";
import { type OpenContents, SIZES } from "../content-store-contract.js";
import { hashOf, readAll } from "../fixture.js";

export function sealingContract(open: OpenContents): void {
  describe("sealing", () => {
    test("puts contents of all sizes where their hashes find them", async () => {
      const contents = open();
      const all = SIZES.map((size) => bytesOfLength(size, size));
      const ids = all.map((bytes) => contents.stage(bytes));
      const sealed = await contents.seal(...ids);
      for (const [index, bytes] of all.entries()) {
        const content = sealed[index];
        expect(content).toMatchObject({ hash: hashOf(bytes), sizeBytes: bytes.length });
        expect(content?.blocks).toBeGreaterThan(0);
        if (content !== undefined) expect(contents.bytesOf(content).equals(bytes)).toBe(true);
      }
    });

    test("is what tells whether a content is there, and how large", async () => {
      const contents = open();
      const bytes = bytesOfLength(100_000);
      expect(contents.store.statSealed(hashOf(bytes))).toBeUndefined();
      const sealed = await contents.sealed(bytes);
      expect(contents.store.statSealed(hashOf(bytes))).toStrictEqual(sealed);
    });

    test("leaves the staging files, with the same bytes", async () => {
      const contents = open();
      for (const size of SIZES) {
        const bytes = bytesOfLength(size);
        const id = contents.stage(bytes);
        await contents.seal(id);
        expect(contents.stagedBytes(id).equals(bytes)).toBe(true);
        await contents.store.discardStaging([id]);
        expect(contents.bytesOf({ hash: hashOf(bytes), sizeBytes: size }).equals(bytes)).toBe(true);
      }
    });

    test("needs no staging file for the empty content", async () => {
      const contents = open();
      const request = { id: undefined, hash: EMPTY_HASH, sizeBytes: 0 };
      const sealed = await contents.store.seal([request, request]);
      expect(sealed).toMatchObject([{ hash: EMPTY_HASH }, { hash: EMPTY_HASH }]);
      expect(contents.bytesOf({ hash: EMPTY_HASH, sizeBytes: 0 })).toHaveLength(0);
    });

    test("takes equal contents once, in one batch and in two", async () => {
      for (const size of SIZES) {
        const contents = open();
        const bytes = bytesOfLength(size);
        const ids = [1, 2, 3].map(() => contents.stage(bytes));
        const sealed = await contents.seal(...ids);
        const again = await contents.seal(contents.stage(bytes));
        expect(new Set([...sealed, ...again].map(({ hash }) => hash)).size).toBe(1);
        const [content] = again;
        if (content === undefined) throw new Error("nothing was sealed");
        expect(contents.bytesOf(content).equals(bytes)).toBe(true);
      }
    });

    test("takes many at once", async () => {
      const contents = open();
      const all = Array.from({ length: 50 }, (_, index) => bytesOfLength(2000 * index + 1, index));
      const ids = all.map((bytes) => contents.stage(bytes));
      const sealed = await contents.seal(...ids);
      expect(sealed.map(({ hash }) => hash)).toStrictEqual(all.map(hashOf));
      const read = sealed.map((content) => contents.bytesOf(content));
      expect(read.every((bytes, index) => bytes.equals(all[index] ?? bytes))).toBe(true);
    });

    test("refuses what isn't of the size that the metadata would say, and loses nothing", async () => {
      for (const size of [100, 100_000]) {
        const contents = open();
        const bytes = bytesOfLength(size);
        const id = contents.stage(bytes);
        const hash = (await contents.store.hash([id])).get(id) ?? EMPTY_HASH;
        const sealing = contents.store.seal([{ id, hash, sizeBytes: size - 1 }]);
        expect(await kindOfLater(sealing)).toBe("io-failure");
        expect(contents.store.statSealed(hash)).toBeUndefined();
        expect(contents.stagedBytes(id).equals(bytes)).toBe(true);
        await expect(contents.seal(id)).resolves.toMatchObject([{ hash, sizeBytes: size }]);
      }
    });

    test("reports what can't be sealed, and loses nothing", async () => {
      const contents = open();
      const bytes = bytesOfLength(100_000);
      const id = contents.stage(bytes);
      const gone = contents.nextId();
      const hash = hashOf(bytes);
      const requests = [
        { id, hash, sizeBytes: bytes.length },
        { id: gone, hash: hashOf(Buffer.from("gone")), sizeBytes: 4 },
      ];
      expect(await kindOfLater(contents.store.seal(requests))).toBeDefined();
      expect(contents.stagedBytes(id).equals(bytes)).toBe(true);
      const [content] = await contents.seal(id);
      expect(content).toMatchObject({ hash });
    });
  });

  describe("a sealed content", () => {
    test("that was removed is gone, and can be sealed again", async () => {
      const contents = open();
      const bytes = bytesOfLength(1000);
      const content = await contents.sealed(bytes);
      await contents.store.remove([content.hash, content.hash]);
      expect(kindOf(() => contents.store.open(content))).toBe("corrupt");
      expect(contents.bytesOf(await contents.sealed(bytes)).equals(bytes)).toBe(true);
    });

    test("stays for whoever reads it when it is removed", async () => {
      const contents = open();
      const bytes = bytesOfLength(100_000);
      const content = await contents.sealed(bytes);
      const reader = contents.store.open(content);
      await contents.store.remove([content.hash]);
      expect(readAll(reader).equals(bytes)).toBe(true);
      reader.close();
    });

    test("is there again after a removal and a seal, in that order", async () => {
      const contents = open();
      const bytes = bytesOfLength(1000);
      const content = await contents.sealed(bytes);
      const id = contents.stage(bytes);
      await contents.store.hash([id]);
      const removing = contents.store.remove([content.hash]);
      const sealing = contents.store.seal([{ ...content, id }]);
      await Promise.all([removing, sealing]);
      expect(contents.bytesOf(content).equals(bytes)).toBe(true);
    });

    test("is sealed although its staging file is discarded right after the call", async () => {
      const contents = open();
      const all = Array.from({ length: 12 }, (_, index) => bytesOfLength(70_000, index + 1));
      const ids = all.map((bytes) => contents.stage(bytes));
      const hashes = await contents.store.hash(ids);
      const requests = all.map((bytes, index) => {
        const id = ids[index];
        return { id, hash: hashOf(bytes), sizeBytes: bytes.length };
      });
      const sealing = contents.store.seal(requests);
      await contents.store.discardStaging(ids);
      const sealed = await sealing;
      const read = sealed.map((content) => contents.bytesOf(content));
      expect(read.map(hashOf)).toStrictEqual(all.map(hashOf));
      expect([...hashes.values()]).toStrictEqual(sealed.map(({ hash }) => hash));
    });
  });
}
