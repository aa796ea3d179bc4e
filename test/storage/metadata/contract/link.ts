import { describe, expect, test } from "vitest";
import { type Ino, ROOT_INO } from "../../../../src/model/ids.js";
import { kindOf } from "../../../support/error-kind.js";
import { at } from "../fixture.js";
import type { OpenNamespace } from "../metadata-store-contract.js";

const MAX_LINKS = 65_000;

export function linkContract(open: OpenNamespace): void {
  describe("link", () => {
    test("gives a file another name, a link and a new ctime", () => {
      const namespace = open();
      const parent = namespace.directory("dir", { now: at(1) });
      const ino = namespace.file("one", { now: at(2) });

      const linked = namespace.store.link({ ino, parent, name: "two", now: at(3) });

      expect(linked).toStrictEqual({ ...namespace.row(ino) });
      expect(linked).toMatchObject({ ino, nlink: 2, ctime: at(3), mtime: at(2) });
      expect(namespace.lookup("two", parent)).toBe(ino);
      expect(namespace.lookup("one")).toBe(ino);
      expect(namespace.row(parent)).toMatchObject({ nlink: 2, mtime: at(3), ctime: at(3) });
      expect(namespace.row(ROOT_INO)).toMatchObject({ mtime: at(2) });
    });

    test.each(["symlink", "fifo", "socket", "character device"] as const)(
      "works for a %s",
      (type) => {
        const namespace = open();
        const ino = namespace.node(type, "one", { target: Buffer.from("x") });
        namespace.store.link({ ino, parent: ROOT_INO, name: "two", now: at(1) });
        const entries = namespace.store.readdir({ ino: ROOT_INO, after: 0, limit: 10 });
        expect(entries.map(({ ino: of, mode }) => [of, mode])).toStrictEqual([
          [ino, entries[0]?.mode],
          [ino, entries[0]?.mode],
        ]);
      },
    );

    test("a name that is taken is already-exists, even by the same file", () => {
      const namespace = open();
      const ino = namespace.file("one");
      const link = () => namespace.store.link({ ino, parent: ROOT_INO, name: "one", now: at(9) });
      expect(kindOf(link)).toBe("already-exists");
      expect(namespace.row(ino)).toMatchObject({ nlink: 1, ctime: at(1) });
    });

    test("a file or a directory that is gone is not-found, and nothing changes", () => {
      const namespace = open();
      const ino = namespace.file("file");
      const gone = namespace.directory("gone");
      namespace.store.rmdir({ parent: ROOT_INO, name: "gone", now: at(1) });
      const link = (request: { ino: Ino; parent: Ino }) =>
        kindOf(() => namespace.store.link({ ...request, name: "new", now: at(9) }));

      expect(link({ ino: 999_999 as Ino, parent: ROOT_INO })).toBe("not-found");
      expect(link({ ino, parent: gone })).toBe("not-found");
      expect(namespace.row(ino)).toMatchObject({ nlink: 1, ctime: at(1) });
      expect(namespace.names()).toStrictEqual(["file"]);
      expect(namespace.names(gone)).toStrictEqual([]);
    });

    test("a directory has one name only: not-permitted", () => {
      const namespace = open();
      const ino = namespace.directory("dir");
      const link = () => namespace.store.link({ ino, parent: ROOT_INO, name: "two", now: at(1) });
      expect(kindOf(link)).toBe("not-permitted");
      expect(namespace.names()).toStrictEqual(["dir"]);
    });

    test("a file can't be a parent", () => {
      const namespace = open();
      const ino = namespace.file("one");
      const parent = namespace.file("two");
      const link = () => namespace.store.link({ ino, parent, name: "new", now: at(1) });
      expect(kindOf(link)).toBe("not-a-directory");
    });

    test(`a file has ${MAX_LINKS} names at most: too-many-links`, () => {
      const namespace = open();
      const ino = namespace.file("0");
      const link = (name: string) =>
        namespace.store.link({ ino, parent: ROOT_INO, name, now: at(1) });
      for (let count = 1; count < MAX_LINKS; count++) link(String(count));
      expect(namespace.row(ino).nlink).toBe(MAX_LINKS);
      expect(kindOf(() => link("one more"))).toBe("too-many-links");
      expect(namespace.lookup("one more")).toBeUndefined();
      namespace.unlink("17");
      expect(link("one more").nlink).toBe(MAX_LINKS);
    });
  });
}
