import { describe, expect, test } from "vitest";
import { S_IFREG } from "../../../../src/model/attributes.js";
import type { Ino, StagingId } from "../../../../src/model/ids.js";
import type { SetAttributesRequest } from "../../../../src/storage/metadata/metadata-store.js";
import { kindOf } from "../../../support/error-kind.js";
import { at } from "../fixture.js";
import type { OpenNamespace } from "../metadata-store-contract.js";

type Changes = Omit<SetAttributesRequest, "ino" | "now">;

const CHANGES: Record<string, Changes> = {
  permissions: { permissions: 0o6755 },
  "no permissions at all": { permissions: 0 },
  owner: { uid: 4_294_967_294 },
  group: { gid: 0 },
  size: { sizeBytes: 5_000_000_000 },
  "access time": { atime: at(77, 999_999_999) },
  "modification time": { mtime: at(78, 1) },
  "times before 1970": { atime: at(-1, 999_999_999), mtime: at(-12_219_292_800, 5) },
  "times in the far future": { atime: at(253_402_300_800, 1), mtime: at(2 ** 52, 999_999_999) },
  "no change but of ctime": {},
  "all at once": { permissions: 0o600, uid: 1, gid: 2, sizeBytes: 3, atime: at(4), mtime: at(5) },
};

export function setattrContract(open: OpenNamespace): void {
  describe("setattr", () => {
    test.each(Object.entries(CHANGES))("changes what is given and ctime: %s", (_, changes) => {
      const namespace = open();
      const ino = namespace.file("file", { permissions: 0o640, uid: 10, gid: 20 });
      const before = namespace.row(ino);
      const { permissions, ...others } = changes;

      const after = namespace.store.setattr({ ino, now: at(50, 51), ...changes });

      const mode = permissions === undefined ? before.mode : S_IFREG | permissions;
      expect(after).toStrictEqual({ ...before, ...others, mode, ctime: at(50, 51) });
      expect(namespace.row(ino)).toStrictEqual(after);
    });

    test("a size of zero takes no blocks; any other leaves them", () => {
      const namespace = open();
      const ino = namespace.file("file");
      namespace.store.recordActivity([{ ino, sizeBytes: 9000, blocks: 24 }]);
      expect(namespace.store.setattr({ ino, now: at(1), sizeBytes: 8000 }).blocks).toBe(24);
      expect(namespace.store.setattr({ ino, now: at(1), sizeBytes: 0 }).blocks).toBe(0);
      expect(namespace.row(ino)).toMatchObject({ sizeBytes: 0, blocks: 0 });
    });

    test("stages the content in the same step, when told so", () => {
      const namespace = open();
      const ino = namespace.file("file");
      const stagingId = namespace.store.nextId() as StagingId;
      namespace.store.setattr({ ino, now: at(3), sizeBytes: 0, mtime: at(3), stagingId });
      expect(namespace.store.stagedContents()).toStrictEqual([
        { ino, stagingId, sizeBytes: 0, mtime: at(3) },
      ]);
    });

    test("works on an orphan, and is not-found for an inode that is gone", () => {
      const namespace = open();
      const ino = namespace.file("file");
      namespace.unlink("file");
      expect(namespace.store.setattr({ ino, now: at(2), uid: 9 }).uid).toBe(9);
      namespace.store.reap([ino]);
      expect(kindOf(() => namespace.store.setattr({ ino, now: at(2), uid: 9 }))).toBe("not-found");
      const unknown = 999_999 as Ino;
      expect(kindOf(() => namespace.store.setattr({ ino: unknown, now: at(2) }))).toBe("not-found");
    });
  });
}
