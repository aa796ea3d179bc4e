import { describe, expect, test } from "vitest";
import type { Ino } from "../../../../src/model/ids.js";
import type { FileActivity } from "../../../../src/storage/metadata/metadata-store.js";
import { at } from "../fixture.js";
import type { OpenNamespace } from "../metadata-store-contract.js";

const ACTIVITIES: Record<string, Omit<FileActivity, "ino">> = {
  size: { sizeBytes: 2 ** 43 },
  "size zero": { sizeBytes: 0 },
  blocks: { blocks: 16 },
  "no blocks": { blocks: 0 },
  atime: { atime: at(7, 8) },
  mtime: { mtime: at(-7, 8) },
  ctime: { ctime: at(9, 999_999_999) },
  "the epoch": { atime: at(0), mtime: at(0), ctime: at(0) },
  nothing: {},
  everything: { sizeBytes: 1, blocks: 8, atime: at(2), mtime: at(3), ctime: at(4) },
};

export function activityContract(open: OpenNamespace): void {
  describe("recordActivity", () => {
    test.each(Object.entries(ACTIVITIES))(
      "changes what is given, and nothing else: %s",
      (_, activity) => {
        const namespace = open();
        const ino = namespace.file("file", { now: at(1, 2) });
        namespace.store.recordActivity([{ ino, sizeBytes: 4097, blocks: 24 }]);
        const before = namespace.row(ino);
        namespace.store.recordActivity([{ ino, ...activity }]);
        expect(namespace.row(ino)).toStrictEqual({ ...before, ...activity });
      },
    );

    test("catches up with many files at once, and passes over those that are gone", () => {
      const namespace = open();
      const inos = Array.from({ length: 500 }, (_, index) => namespace.file(`file ${index}`));
      const gone = 999_999 as Ino;
      namespace.store.recordActivity(
        [gone, ...inos].map((ino) => ({ ino, sizeBytes: ino * 2, mtime: at(ino) })),
      );
      for (const ino of inos) {
        expect(namespace.row(ino)).toMatchObject({ sizeBytes: ino * 2, mtime: at(ino) });
      }
      expect(namespace.store.getattr(gone)).toBeUndefined();
      namespace.store.recordActivity([]);
    });
  });
}
