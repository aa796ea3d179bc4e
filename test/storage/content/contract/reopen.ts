import { describe, expect, test } from "vitest";
import { bytesOfLength } from "../../../support/bytes.js";
import { testDir } from "../../../support/temp-dir.js";
import { type OpenStore, SIZES } from "../content-store-contract.js";
import { Contents, hashOf } from "../fixture.js";

export function reopenContract(open: OpenStore): void {
  describe("a store that is opened again", () => {
    test("has what was sealed and what was staged", async () => {
      const place = testDir();
      const before = new Contents(open(place));
      const all = SIZES.map((size) => bytesOfLength(size, size));
      const sealed = [];
      for (const bytes of all) sealed.push(await before.sealed(bytes));
      const ids = all.map((bytes) => before.stage(bytes));
      const stats = ids.map((id) => before.store.statStaging(id));
      await before.store.close();

      const after = new Contents(open(place));
      const hashes = all.map(hashOf);
      const read = sealed.map((content) => after.bytesOf(content));
      expect(read.map(hashOf)).toStrictEqual(hashes);
      expect(after.store.stagingIds()).toStrictEqual(expect.arrayContaining(ids));
      expect(ids.map((id) => hashOf(after.stagedBytes(id)))).toStrictEqual(hashes);
      expect(ids.map((id) => after.store.statStaging(id))).toStrictEqual(stats);
      const again = await after.seal(...ids);
      expect(again.map(({ hash }) => hash)).toStrictEqual(sealed.map(({ hash }) => hash));
      await after.store.close();
    });

    test("may be closed twice before", async () => {
      const contents = new Contents(open(testDir()));
      await contents.store.close();
      await expect(contents.store.close()).resolves.toBeUndefined();
    });
  });
}
