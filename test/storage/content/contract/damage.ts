import { describe, expect, test } from "vitest";
import type { StagingId } from "../../../../src/model/ids.js";
import { kindOf } from "../../../support/error-kind.js";
import type { OpenContents } from "../content-store-contract.js";
import { hashOf } from "../fixture.js";

export function damageContract(open: OpenContents): void {
  describe("what isn't there", () => {
    test("is damage, when a hash names it", () => {
      const content = { hash: hashOf(Buffer.from("never sealed")), sizeBytes: 12 };
      expect(kindOf(() => open().store.open(content))).toBe("corrupt");
    });

    test("is damage, when an id names it", () => {
      expect(kindOf(() => open().store.openStaging(7 as StagingId))).toBe("corrupt");
    });

    test("has no stat", () => {
      expect(open().store.statStaging(7 as StagingId)).toBeUndefined();
    });
  });

  describe("a content with fewer bytes than its metadata says", () => {
    test("is damage, and neither shorter nor filled with zeros", async () => {
      const contents = open();
      const { hash } = await contents.sealed(Buffer.alloc(5000, 1));
      expect(kindOf(() => contents.store.open({ hash, sizeBytes: 5001 }))).toBe("corrupt");
    });
  });
}
