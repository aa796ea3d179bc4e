import { describe, expect, test } from "vitest";
import type { Ino } from "../../../../src/model/ids.js";
import { kindOf } from "../../../support/error-kind.js";
import { at, contentOf, hashOf } from "../fixture.js";
import type { OpenNamespace } from "../metadata-store-contract.js";

export function referencesContract(open: OpenNamespace): void {
  describe("entriesOfContent", () => {
    test("has one name of each file that has the content, wherever it lies", () => {
      const namespace = open();
      const parent = namespace.directory("directory");
      for (const name of ["one", "two", "other"]) {
        const ino = namespace.file(name, { parent });
        namespace.seal(ino, contentOf(name === "other" ? "b" : "a"));
        if (name === "two") namespace.store.link({ ino, parent, name: "again", now: at(1) });
      }
      const entries = namespace.store.entriesOfContent(hashOf("a"));
      expect(entries).toHaveLength(2);
      expect(entries).toContainEqual({ parent, name: "one" });
      namespace.unlink("one", { parent });
      expect(namespace.store.entriesOfContent(hashOf("a"))).toHaveLength(1);
      expect(namespace.store.entriesOfContent(hashOf("c"))).toStrictEqual([]);
    });
  });

  describe("referenceContent", () => {
    test("gives a file the content of another one, as a write would", () => {
      const namespace = open();
      const [from, to] = [namespace.file("from"), namespace.file("to")];
      namespace.seal(from, { hash: hashOf("a"), sizeBytes: 123, blocks: 8 });
      namespace.stage(to);
      const source = namespace.row(from);
      const before = namespace.row(to);

      const dropped = namespace.store.referenceContent({ from, to, now: at(9, 1) });
      expect(dropped).toBeUndefined();
      const content = { contentHash: hashOf("a"), sizeBytes: 123, blocks: 8 };
      expect(namespace.row(to)).toStrictEqual({
        ...before,
        ...content,
        mtime: at(9, 1),
        ctime: at(9, 1),
      });
      expect(namespace.row(from)).toStrictEqual(source);
      expect(namespace.store.describe(to)).toMatchObject({ version: 1, refCount: 2 });
      expect(namespace.store.stagedContents()).toStrictEqual([]);
    });

    test("tells which content it replaced, when nothing refers to that now", () => {
      const namespace = open();
      const [from, to] = [namespace.file("from"), namespace.file("to")];
      namespace.seal(from, contentOf("a"));
      namespace.seal(to, contentOf("b"));
      const copy = () => namespace.store.referenceContent({ from, to, now: at(1) });
      expect(copy()).toBe(hashOf("b"));
      expect(copy()).toBeUndefined();
      expect(namespace.store.describe(to)).toMatchObject({ version: 2, refCount: 2 });
    });

    test("onto itself changes the times only", () => {
      const namespace = open();
      const ino = namespace.file("file");
      namespace.seal(ino, contentOf("a"));
      namespace.store.referenceContent({ from: ino, to: ino, now: at(5) });
      expect(namespace.store.describe(ino)).toMatchObject({ version: 1, refCount: 1 });
      expect(namespace.row(ino)).toMatchObject({ mtime: at(5), ctime: at(5) });
    });

    test("needs a sealed content and a file to give it to: not-found", () => {
      const namespace = open();
      const [empty, to] = [namespace.file("empty"), namespace.file("to")];
      const sealed = namespace.file("sealed");
      namespace.seal(sealed, contentOf("a"));
      const gone = 999_999 as Ino;
      for (const [from, into] of [
        [empty, to],
        [gone, to],
        [sealed, gone],
      ] as const) {
        const copy = () => namespace.store.referenceContent({ from, to: into, now: at(9) });
        expect(kindOf(copy)).toBe("not-found");
      }
      expect(namespace.row(to)).toMatchObject({ contentHash: undefined, mtime: at(1) });
      expect(namespace.store.describe(sealed)?.refCount).toBe(1);
    });
  });

  describe("contents that nothing refers to", () => {
    test("an announced content is one, until a file has it", () => {
      const namespace = open();
      const { store } = namespace;
      store.announceContents([contentOf("a"), contentOf("b"), contentOf("a")]);
      expect(store.unreferencedContents().sort()).toStrictEqual([hashOf("a"), hashOf("b")]);
      const ino = namespace.file("file");
      namespace.seal(ino, contentOf("a"));
      expect(store.describe(ino)?.refCount).toBe(1);
      expect(store.unreferencedContents()).toStrictEqual([hashOf("b")]);
    });

    test("announcing a content that files have changes nothing", () => {
      const namespace = open();
      const ino = namespace.file("file");
      namespace.seal(ino, contentOf("a"));
      namespace.store.announceContents([contentOf("a")]);
      expect(namespace.store.describe(ino)?.refCount).toBe(1);
      expect(namespace.store.unreferencedContents()).toStrictEqual([]);
    });

    test("selectUnreferenced picks them out of what it is asked about", () => {
      const namespace = open();
      const { store } = namespace;
      namespace.seal(namespace.file("file"), contentOf("a"));
      store.announceContents([contentOf("b"), contentOf("c")]);
      const asked = [hashOf("c"), hashOf("a"), hashOf("d")];
      expect(store.selectUnreferenced(asked)).toStrictEqual([hashOf("c")]);
      expect(store.selectUnreferenced([])).toStrictEqual([]);
    });

    test("forgetContents forgets those, and never one that a file has", () => {
      const namespace = open();
      const { store } = namespace;
      const ino = namespace.file("file");
      namespace.seal(ino, contentOf("a"));
      store.announceContents([contentOf("b"), contentOf("c")]);
      store.forgetContents([hashOf("a"), hashOf("b"), hashOf("d")]);
      expect(store.unreferencedContents()).toStrictEqual([hashOf("c")]);
      expect(store.describe(ino)).toMatchObject({ contentHash: hashOf("a"), refCount: 1 });
      // One that was forgotten may come back.
      namespace.seal(ino, contentOf("b"));
      expect(store.describe(ino)).toMatchObject({ contentHash: hashOf("b"), refCount: 1 });
    });
  });
}
