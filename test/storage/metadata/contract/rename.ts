import { describe, expect, test } from "vitest";
import { S_IFCHR } from "../../../../src/model/attributes.js";
import { type Ino, ROOT_INO } from "../../../../src/model/ids.js";
import { kindOf } from "../../../support/error-kind.js";
import { at, contentOf } from "../fixture.js";
import type { OpenNamespace } from "../metadata-store-contract.js";

export function renameContract(open: OpenNamespace): void {
  describe("rename of a file", () => {
    test("within a directory keeps the inode, its row but for ctime, and its place in the listing", () => {
      const namespace = open();
      const ino = namespace.file("old", { now: at(1) });
      namespace.file("later", { now: at(1) });
      const before = namespace.row(ino);

      const result = namespace.rename("old", "new", { now: at(5) });
      expect(result).toStrictEqual({ moved: [ino], replaced: undefined });
      expect(namespace.row(ino)).toStrictEqual({ ...before, ctime: at(5) });
      expect(namespace.names()).toStrictEqual(["new", "later"]);
      expect(namespace.row(ROOT_INO)).toMatchObject({ nlink: 2, mtime: at(5), ctime: at(5) });
    });

    test("across directories moves the times of both and the links of none", () => {
      const namespace = open();
      const a = namespace.directory("a");
      const b = namespace.directory("b");
      const ino = namespace.file("file", { parent: a });
      namespace.rename("file", "file", { parent: a, newParent: b, now: at(5) });

      expect(namespace.lookup("file", a)).toBeUndefined();
      expect(namespace.lookup("file", b)).toBe(ino);
      for (const directory of [a, b]) {
        expect(namespace.row(directory)).toMatchObject({ nlink: 2, mtime: at(5), ctime: at(5) });
      }
      expect(namespace.row(ROOT_INO)).toMatchObject({ mtime: at(1) });
    });

    test("replaces a file, which loses that name and no other", () => {
      const namespace = open();
      const source = namespace.file("source");
      const target = namespace.file("target");
      namespace.store.link({ ino: target, parent: ROOT_INO, name: "kept", now: at(1) });

      const result = namespace.rename("source", "target", { now: at(5) });
      expect(result).toStrictEqual({ moved: [source], replaced: { ino: target, nlink: 1 } });
      expect(namespace.lookup("target")).toBe(source);
      expect(namespace.names().sort()).toStrictEqual(["kept", "target"]);
      expect(namespace.row(target)).toMatchObject({ nlink: 1, ctime: at(5), mtime: at(1) });

      const last = namespace.rename("target", "kept");
      expect(last).toStrictEqual({ moved: [source], replaced: { ino: target, nlink: 0 } });
      expect(namespace.store.orphans()).toStrictEqual([target]);
    });

    test("without leave to replace, a name that is taken is already-exists", () => {
      const namespace = open();
      const source = namespace.file("source");
      const target = namespace.file("target");
      namespace.store.link({ ino: source, parent: ROOT_INO, name: "twin", now: at(1) });
      const attempt = (newName: string) =>
        kindOf(() => namespace.rename("source", newName, { mode: "no-replace", now: at(9) }));

      expect(attempt("target")).toBe("already-exists");
      expect(attempt("twin")).toBe("already-exists");
      expect(namespace.lookup("target")).toBe(target);
      expect(namespace.row(ROOT_INO)).toMatchObject({ mtime: at(1) });
      expect(attempt("free")).toBeUndefined();
      expect(namespace.lookup("free")).toBe(source);
    });

    test("onto another name of the same file does nothing: both stay", () => {
      const namespace = open();
      const ino = namespace.file("one");
      namespace.store.link({ ino, parent: ROOT_INO, name: "two", now: at(2) });
      for (const newName of ["two", "one"]) {
        const result = namespace.rename("one", newName, { now: at(9) });
        expect(result).toStrictEqual({ moved: [], replaced: undefined });
      }
      expect(namespace.names()).toStrictEqual(["one", "two"]);
      expect(namespace.row(ino)).toMatchObject({ nlink: 2, ctime: at(2) });
      expect(namespace.row(ROOT_INO)).toMatchObject({ mtime: at(2) });
    });

    test("needs a source and two directories that exist", () => {
      const namespace = open();
      const file = namespace.file("file");
      const gone = namespace.directory("gone");
      namespace.store.rmdir({ parent: ROOT_INO, name: "gone", now: at(1) });

      expect(kindOf(() => namespace.rename("none", "new"))).toBe("not-found");
      expect(kindOf(() => namespace.rename("file", "f", { newParent: gone }))).toBe("not-found");
      const nowhere = { newParent: 999_999 as Ino };
      expect(kindOf(() => namespace.rename("file", "f", nowhere))).toBe("not-found");
      expect(namespace.names()).toStrictEqual(["file"]);
      expect(namespace.row(file)).toMatchObject({ nlink: 1, ctime: at(1) });
    });

    test("doesn't move anything below a file: not-a-directory", () => {
      const namespace = open();
      const newParent = namespace.file("file");
      namespace.file("other");
      expect(kindOf(() => namespace.rename("other", "x", { newParent }))).toBe("not-a-directory");
      expect(namespace.names()).toStrictEqual(["file", "other"]);
    });

    test("gives the file the MIME type of its new name", () => {
      const namespace = open();
      const ino = namespace.file("a.txt", { mimeType: "text/plain" });
      namespace.rename("a.txt", "a.json", { newMimeType: "application/json" });
      expect(namespace.store.describe(ino)?.mimeType).toBe("application/json");
      namespace.rename("a.json", "a", { mimeType: "application/json" });
      expect(namespace.store.describe(ino)?.mimeType).toBeUndefined();
    });

    test("keeps content, version, custom metadata and path id", () => {
      const namespace = open();
      const { store } = namespace;
      const ino = namespace.file("old");
      namespace.seal(ino, contentOf("a"));
      const attribute = { ino, family: "custom", key: "k" } as const;
      store.setAttribute({ ...attribute, value: Buffer.from("v"), mode: "any", now: at(1) });
      const before = store.describe(ino);

      namespace.rename("old", "new");
      expect(store.describe(ino)).toStrictEqual(before);
      expect(store.getAttribute(attribute)).toStrictEqual(Buffer.from("v"));
    });
  });

  describe("rename that leaves a whiteout", () => {
    const whiteout = { uid: 3, gid: 4 };

    test("puts a character device 0/0 under the old name", () => {
      const namespace = open();
      const ino = namespace.file("old");
      const before = namespace.store.countInodes();
      namespace.rename("old", "new", { whiteout, now: at(5) });

      expect(namespace.lookup("new")).toBe(ino);
      const left = namespace.store.lookup({ parent: ROOT_INO, name: "old" });
      expect(left).toMatchObject({ mode: S_IFCHR, rdev: 0, uid: 3, gid: 4, nlink: 1 });
      expect(left).toMatchObject({ btime: at(5) });
      expect(namespace.store.countInodes()).toBe(before + 1);
    });

    test("does so across directories and over a file, too", () => {
      const namespace = open();
      const directory = namespace.directory("dir");
      namespace.file("old");
      const target = namespace.file("target", { parent: directory });
      const options = { newParent: directory, whiteout };

      const { replaced } = namespace.rename("old", "target", options);
      expect(replaced).toStrictEqual({ ino: target, nlink: 0 });
      expect(namespace.names().sort()).toStrictEqual(["dir", "old"]);
      expect(namespace.names(directory)).toStrictEqual(["target"]);
    });

    test("leaves none, and counts none, where nothing is renamed", () => {
      const namespace = open();
      const ino = namespace.file("one");
      namespace.store.link({ ino, parent: ROOT_INO, name: "two", now: at(1) });
      expect(namespace.store.countInodes()).toBe(2);
      namespace.rename("one", "two", { whiteout });
      expect(namespace.lookup("one")).toBe(ino);
      expect(namespace.store.countInodes()).toBe(2);
    });
  });
}
