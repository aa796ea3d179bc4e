import { describe, expect, test } from "vitest";
import { type Ino, ROOT_INO } from "../../../../src/model/ids.js";
import { kindOf } from "../../../support/error-kind.js";
import { at, type Namespace } from "../fixture.js";
import type { OpenNamespace } from "../metadata-store-contract.js";

/** /a/b/c, all directories. */
function chain(namespace: Namespace): { a: Ino; b: Ino; c: Ino } {
  const a = namespace.directory("a");
  const b = namespace.directory("b", { parent: a });
  const c = namespace.directory("c", { parent: b });
  return { a, b, c };
}

export function renameDirectoryContract(open: OpenNamespace): void {
  describe("rename of a directory", () => {
    test("within its parent changes no links", () => {
      const namespace = open();
      const ino = namespace.directory("old");
      namespace.rename("old", "new", { now: at(5) });
      expect(namespace.lookup("new")).toBe(ino);
      expect(namespace.row(ino)).toMatchObject({ nlink: 2, ctime: at(5) });
      expect(namespace.row(ROOT_INO)).toMatchObject({ nlink: 3, mtime: at(5) });
    });

    test("across directories takes its link along, and all that is below", () => {
      const namespace = open();
      const { a, b, c } = chain(namespace);
      const file = namespace.file("file", { parent: c });

      namespace.rename("b", "moved", { parent: a, now: at(5) });
      expect(namespace.row(a)).toMatchObject({ nlink: 2, mtime: at(5), ctime: at(5) });
      expect(namespace.row(ROOT_INO)).toMatchObject({ nlink: 4, mtime: at(5) });
      expect(namespace.lookup("moved")).toBe(b);
      expect(namespace.lookup("c", b)).toBe(c);
      expect(namespace.lookup("file", c)).toBe(file);
      expect(namespace.row(b)).toMatchObject({ nlink: 3 });
    });

    test("replaces an empty directory", () => {
      const namespace = open();
      const { a, b } = chain(namespace);
      const target = namespace.directory("target");
      const options = { parent: a, now: at(5) };

      const { replaced } = namespace.rename("b", "target", options);
      expect(replaced).toStrictEqual({ ino: target, nlink: 0 });
      expect(namespace.lookup("target")).toBe(b);
      expect(namespace.row(a).nlink).toBe(2);
      expect(namespace.row(ROOT_INO).nlink).toBe(4);
      expect(namespace.store.orphans()).toStrictEqual([target]);
    });

    test("replaces an empty sibling, and the parent has a link less", () => {
      const namespace = open();
      namespace.directory("one");
      const target = namespace.directory("two");
      expect(namespace.rename("one", "two").replaced).toStrictEqual({ ino: target, nlink: 0 });
      expect(namespace.row(ROOT_INO).nlink).toBe(3);
    });

    test("replaces only what fits", () => {
      const namespace = open();
      const { b } = chain(namespace);
      namespace.directory("empty");
      namespace.file("file");
      namespace.node("symlink", "link", { target: Buffer.from("empty") });
      const attempt = (name: string, newName: string) =>
        kindOf(() => namespace.rename(name, newName, { now: at(9) }));

      expect(attempt("empty", "file")).toBe("not-a-directory");
      expect(attempt("empty", "link")).toBe("not-a-directory");
      expect(attempt("file", "empty")).toBe("is-a-directory");
      expect(attempt("empty", "a")).toBe("directory-not-empty");
      expect(kindOf(() => namespace.rename("c", "a", { parent: b }))).toBe("directory-not-empty");
      expect(namespace.names()).toStrictEqual(["a", "empty", "file", "link"]);
      expect(namespace.row(ROOT_INO)).toMatchObject({ nlink: 4, mtime: at(1) });
    });

    test("into itself, or anywhere below, is invalid-argument", () => {
      const namespace = open();
      const { a, b, c } = chain(namespace);
      for (const newParent of [a, b, c]) {
        const attempt = () => namespace.rename("a", "x", { newParent, now: at(9) });
        expect(kindOf(attempt)).toBe("invalid-argument");
      }
      expect(kindOf(() => namespace.rename("b", "x", { parent: a, newParent: c }))).toBe(
        "invalid-argument",
      );
      expect(namespace.row(ROOT_INO)).toMatchObject({ nlink: 3, mtime: at(1) });
      expect(namespace.row(a)).toMatchObject({ nlink: 3, ctime: at(1) });
      expect(namespace.names(a)).toStrictEqual(["b"]);
    });

    test("a file goes into the directory beside it, however deep", () => {
      const namespace = open();
      const { c } = chain(namespace);
      const file = namespace.file("file");
      namespace.rename("file", "file", { newParent: c });
      expect(namespace.lookup("file", c)).toBe(file);
    });

    test("into a directory that was removed is not-found", () => {
      const namespace = open();
      const { a, b } = chain(namespace);
      const gone = namespace.directory("gone");
      namespace.store.rmdir({ parent: ROOT_INO, name: "gone", now: at(1) });
      const attempt = () => namespace.rename("b", "b", { parent: a, newParent: gone });
      expect(kindOf(attempt)).toBe("not-found");
      expect(namespace.lookup("b", a)).toBe(b);
      expect(namespace.row(a).nlink).toBe(3);
    });
  });
}
