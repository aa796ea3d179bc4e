import { describe, expect, test } from "vitest";
import { type Ino, ROOT_INO } from "../../../../src/model/ids.js";
import { kindOf } from "../../../support/error-kind.js";
import { at } from "../fixture.js";
import type { OpenNamespace } from "../metadata-store-contract.js";

export function removeContract(open: OpenNamespace): void {
  describe("unlink", () => {
    test("takes a name, a link, and moves the times of both", () => {
      const namespace = open();
      const ino = namespace.file("one", { now: at(1) });
      namespace.store.link({ ino, parent: ROOT_INO, name: "two", now: at(2) });

      expect(namespace.unlink("one", { now: at(3) })).toStrictEqual({ ino, nlink: 1 });
      expect(namespace.lookup("one")).toBeUndefined();
      expect(namespace.lookup("two")).toBe(ino);
      expect(namespace.row(ino)).toMatchObject({ nlink: 1, ctime: at(3), mtime: at(1) });
      expect(namespace.row(ROOT_INO)).toMatchObject({ nlink: 2, mtime: at(3), ctime: at(3) });
    });

    test("with the last name a file becomes an orphan that keeps its row", () => {
      const namespace = open();
      const ino = namespace.file("only", { uid: 7 });
      expect(namespace.unlink("only", { now: at(2) })).toStrictEqual({ ino, nlink: 0 });
      expect(namespace.row(ino)).toMatchObject({ nlink: 0, uid: 7, ctime: at(2) });
      expect(namespace.store.orphans()).toStrictEqual([ino]);
      expect(namespace.file("only")).not.toBe(ino);
    });

    test("a missing name is not-found, a directory's is is-a-directory; nothing changes", () => {
      const namespace = open();
      const directory = namespace.directory("dir", { now: at(1) });
      expect(kindOf(() => namespace.unlink("none", { now: at(9) }))).toBe("not-found");
      expect(kindOf(() => namespace.unlink("none", { parent: directory }))).toBe("not-found");
      expect(kindOf(() => namespace.unlink("dir", { now: at(9) }))).toBe("is-a-directory");
      expect(namespace.lookup("dir")).toBe(directory);
      expect(namespace.row(ROOT_INO)).toMatchObject({ nlink: 3, mtime: at(1) });
    });
  });

  describe("rmdir", () => {
    test("takes a directory, and its link to the parent", () => {
      const namespace = open();
      const parent = namespace.directory("parent");
      const ino = namespace.directory("dir", { parent, now: at(1) });
      const rmdir = { parent, name: "dir", now: at(2) };

      expect(namespace.store.rmdir(rmdir)).toStrictEqual({ ino, nlink: 0 });
      expect(namespace.row(parent)).toMatchObject({ nlink: 2, mtime: at(2), ctime: at(2) });
      expect(namespace.row(ino)).toMatchObject({ nlink: 0, ctime: at(2) });
      expect(namespace.store.orphans()).toStrictEqual([ino]);
      expect(namespace.store.entryOf(ino)).toBeUndefined();
    });

    test("refuses what isn't there, isn't a directory, or isn't empty", () => {
      const namespace = open();
      const full = namespace.directory("full");
      namespace.file("file", { parent: full });
      namespace.file("file");
      namespace.node("symlink", "link", { target: Buffer.from("full") });
      const rmdir = (name: string) =>
        kindOf(() => namespace.store.rmdir({ parent: ROOT_INO, name, now: at(9) }));

      expect(rmdir("none")).toBe("not-found");
      expect(rmdir("file")).toBe("not-a-directory");
      expect(rmdir("link")).toBe("not-a-directory");
      expect(rmdir("full")).toBe("directory-not-empty");
      expect(namespace.names()).toStrictEqual(["full", "file", "link"]);
      expect(namespace.row(ROOT_INO)).toMatchObject({ nlink: 3, mtime: at(1) });
      namespace.unlink("file", { parent: full });
      expect(rmdir("full")).toBeUndefined();
    });
  });

  describe("entryOf", () => {
    test("follows a directory wherever it goes", () => {
      const namespace = open();
      const a = namespace.directory("a");
      const b = namespace.directory("b");
      const moved = namespace.directory("dir", { parent: a });
      expect(namespace.store.entryOf(moved)).toStrictEqual({ parent: a, name: "dir" });
      namespace.rename("dir", "other", { parent: a, newParent: b });
      expect(namespace.store.entryOf(moved)).toStrictEqual({ parent: b, name: "other" });
      expect(namespace.store.entryOf(999_999 as Ino)).toBeUndefined();
    });
  });
}
