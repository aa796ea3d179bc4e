import { describe, expect, test } from "vitest";
import type { Ino, StagingId } from "../../../../src/model/ids.js";
import { at, contentOf, hashOf, type Namespace } from "../fixture.js";
import type { OpenNamespace } from "../metadata-store-contract.js";

function describeContent(namespace: Namespace, ino: Ino) {
  const { contentHash, refCount, version } = namespace.store.describe(ino) ?? {};
  return { contentHash, refCount, version };
}

export function contentsContract(open: OpenNamespace): void {
  describe("staged contents", () => {
    test("a file is staged under one id at a time, with its size and time as recorded", () => {
      const namespace = open();
      const ino = namespace.file("file");
      namespace.stage(ino);
      const stagingId = namespace.stage(ino);
      namespace.store.recordActivity([{ ino, sizeBytes: 12, mtime: at(3, 4) }]);
      expect(namespace.store.stagedContents()).toStrictEqual([
        { ino, stagingId, sizeBytes: 12, mtime: at(3, 4) },
      ]);
    });

    test("an orphan stays staged until it is reaped", () => {
      const namespace = open();
      const ino = namespace.file("file");
      const stagingId = namespace.stage(ino);
      namespace.unlink("file");
      expect(namespace.store.stagedContents()).toMatchObject([{ ino, stagingId }]);
      expect(namespace.store.reap([ino])).toMatchObject({ stagingIds: [stagingId] });
      expect(namespace.store.stagedContents()).toStrictEqual([]);
    });
  });

  describe("commitContents", () => {
    test("points a file at its content, and touches neither mtime nor ctime", () => {
      const namespace = open();
      const ino = namespace.file("file", { now: at(2) });
      const before = namespace.row(ino);
      const stagingId = namespace.stage(ino);
      const content = { hash: hashOf("a"), sizeBytes: 5000, blocks: 16 };

      const commits = [{ ino, stagingId, ...content, now: at(9) }];
      expect(namespace.store.commitContents(commits)).toStrictEqual([]);
      expect(namespace.row(ino)).toStrictEqual({
        ...before,
        contentHash: hashOf("a"),
        sizeBytes: 5000,
        blocks: 16,
      });
      expect(namespace.store.stagedContents()).toStrictEqual([]);
    });

    test("the version counts contents: it stays while the bytes do", () => {
      const namespace = open();
      const ino = namespace.file("file");
      const versions = ["a", "a", "b", "b", "a"].map((digit) => {
        namespace.seal(ino, contentOf(digit));
        return namespace.store.describe(ino)?.version;
      });
      expect(versions).toStrictEqual([1, 1, 2, 2, 3]);
    });

    test("counts a reference for each file, and tells when the last one went", () => {
      const namespace = open();
      const [one, two] = [namespace.file("one"), namespace.file("two")];
      namespace.seal(one, contentOf("a"));
      namespace.seal(two, contentOf("a"));
      expect(describeContent(namespace, one)).toMatchObject({ refCount: 2 });
      expect(namespace.seal(one, contentOf("b"))).toStrictEqual([]);
      expect(describeContent(namespace, two)).toMatchObject({ refCount: 1 });
      expect(namespace.seal(two, contentOf("b"))).toStrictEqual([hashOf("a")]);
      expect(describeContent(namespace, two)).toStrictEqual({
        contentHash: hashOf("b"),
        refCount: 2,
        version: 2,
      });
      expect(namespace.store.unreferencedContents()).toStrictEqual([hashOf("a")]);
    });

    test("committing the same content again changes no count", () => {
      const namespace = open();
      const ino = namespace.file("file");
      for (let round = 0; round < 3; round++) {
        expect(namespace.seal(ino, contentOf("a"))).toStrictEqual([]);
      }
      expect(describeContent(namespace, ino)).toMatchObject({ refCount: 1, version: 1 });
    });

    test("an id that isn't the file's any more is left alone", () => {
      const namespace = open();
      const ino = namespace.file("file");
      const stale = namespace.stage(ino);
      const current = namespace.stage(ino);
      const before = namespace.row(ino);
      const gone = namespace.file("gone");
      const goneId = namespace.stage(gone);
      namespace.unlink("gone");
      namespace.store.reap([gone]);

      const commit = (of: Ino, stagingId: StagingId) => ({
        ino: of,
        stagingId,
        ...contentOf("a"),
        now: at(1),
      });
      namespace.store.commitContents([commit(ino, stale), commit(gone, goneId)]);
      expect(namespace.row(ino)).toStrictEqual(before);
      expect(namespace.store.stagedContents()).toMatchObject([{ ino, stagingId: current }]);
      expect(namespace.store.unreferencedContents()).toStrictEqual([]);
      namespace.store.commitContents([commit(ino, current)]);
      expect(describeContent(namespace, ino)).toMatchObject({ refCount: 1, version: 1 });
    });

    test("commits many at once, equal contents among them", () => {
      const namespace = open();
      const inos = Array.from({ length: 300 }, (_, index) => namespace.file(`file ${index}`));
      const commits = inos.map((ino, index) => {
        const stagingId = namespace.stage(ino);
        return { ino, stagingId, ...contentOf(index % 3 === 0 ? "a" : "b"), now: at(1) };
      });
      namespace.store.commitContents(commits);
      const counts = inos.slice(0, 2).map((ino) => namespace.store.describe(ino)?.refCount);
      expect(counts).toStrictEqual([100, 200]);
    });

    test("tells only what nothing refers to in the end", () => {
      const namespace = open();
      const [one, two] = [namespace.file("one"), namespace.file("two")];
      namespace.seal(one, contentOf("a"));
      // The first commit takes the last reference of `a`, the second one refers to it anew.
      const commits = [
        { ino: one, stagingId: namespace.stage(one), ...contentOf("b"), now: at(1) },
        { ino: two, stagingId: namespace.stage(two), ...contentOf("a"), now: at(1) },
      ];
      expect(namespace.store.commitContents(commits)).toStrictEqual([]);
      expect(namespace.store.unreferencedContents()).toStrictEqual([]);
    });
  });
}
