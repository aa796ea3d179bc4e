import { describe, expect, test } from "vitest";
import { type Ino, ROOT_INO } from "../../../../src/model/ids.js";
import type { DirectoryEntry } from "../../../../src/storage/metadata/metadata-store.js";
import { at, type Namespace } from "../fixture.js";
import type { OpenNamespace } from "../metadata-store-contract.js";

function list(namespace: Namespace, { after = 0, limit = 1000 } = {}): DirectoryEntry[] {
  return namespace.store.readdir({ ino: ROOT_INO, after, limit });
}

function cookieOf(namespace: Namespace, name: string): number {
  return list(namespace).find((entry) => entry.name === name)?.cookie ?? 0;
}

export function listingContract(open: OpenNamespace): void {
  describe("readdir", () => {
    test("lists entries in the order of their cookies, which begin above those of . and ..", () => {
      const namespace = open();
      const inos = ["c", "a", "b"].map((name) => namespace.file(name));
      const entries = list(namespace);
      expect(entries.map(({ name }) => name)).toStrictEqual(["c", "a", "b"]);
      expect(entries.map(({ ino }) => ino)).toStrictEqual(inos);
      const cookies = entries.map(({ cookie }) => cookie);
      expect(cookies).toStrictEqual([...new Set(cookies)].sort((x, y) => x - y));
      expect(cookies[0]).toBeGreaterThan(2);
    });

    test.each([1, 2, 3, 7, 100])("goes on after any cookie, %i at a time", (limit) => {
      const namespace = open();
      const names = Array.from({ length: 7 }, (_, index) => `file ${index}`);
      for (const name of names) namespace.file(name);
      const listed: string[] = [];
      for (let after = 0; ; ) {
        const page = list(namespace, { after, limit });
        expect(page.length).toBeLessThanOrEqual(limit);
        listed.push(...page.map(({ name }) => name));
        const last = page.at(-1);
        if (last === undefined) break;
        after = last.cookie;
      }
      expect(listed).toStrictEqual(names);
    });

    test("is not confused by entries that come and go meanwhile", () => {
      const namespace = open();
      for (const name of ["a", "b", "c", "d"]) namespace.file(name);
      const first = list(namespace, { limit: 2 });
      const after = first.at(-1)?.cookie ?? 0;
      // What was listed goes, what comes next goes, something new comes.
      for (const name of ["a", "b", "c"]) namespace.unlink(name);
      namespace.file("e");
      const rest = list(namespace, { after });
      expect(rest.map(({ name }) => name)).toStrictEqual(["d", "e"]);
    });

    test("a cookie stays while the entry keeps its directory, and is new in another one", () => {
      const namespace = open();
      const directory = namespace.directory("dir");
      namespace.file("a");
      namespace.file("b");
      const [cookie, other] = [cookieOf(namespace, "a"), cookieOf(namespace, "b")];
      namespace.rename("a", "z");
      expect(cookieOf(namespace, "z")).toBe(cookie);
      // Replaced, the name stays: a listing that has come past it doesn't see it again.
      namespace.rename("z", "b");
      expect(cookieOf(namespace, "b")).toBe(other);
      namespace.rename("b", "b", { newParent: directory });
      namespace.rename("b", "b", { parent: directory });
      expect(cookieOf(namespace, "b")).toBeGreaterThan(other);
    });

    test("two names of one file have cookies of their own", () => {
      const namespace = open();
      const ino = namespace.file("one");
      namespace.store.link({ ino, parent: ROOT_INO, name: "two", now: at(1) });
      const cookies = list(namespace).map(({ cookie }) => cookie);
      expect(new Set(cookies).size).toBe(2);
    });

    test("lists nothing of an empty, a removed or an unknown directory, nor of a file", () => {
      const namespace = open();
      const empty = namespace.directory("empty");
      const file = namespace.file("file");
      const removed = namespace.directory("removed");
      namespace.store.rmdir({ parent: ROOT_INO, name: "removed", now: at(1) });
      for (const ino of [empty, file, removed, 999_999 as Ino]) {
        expect(namespace.names(ino)).toStrictEqual([]);
      }
    });
  });

  describe("readdirPlus", () => {
    test("lists the same, each entry with its inode", () => {
      const namespace = open();
      const directory = namespace.directory("dir", { uid: 5 });
      const file = namespace.file("file");
      namespace.store.link({ ino: file, parent: ROOT_INO, name: "link", now: at(4) });
      namespace.node("symlink", "symlink", { target: Buffer.from("x") });
      namespace.file("elsewhere", { parent: directory });

      const page = { ino: ROOT_INO, after: 0, limit: 3 };
      const plain = namespace.store.readdir(page);
      expect(namespace.store.readdirPlus(page)).toStrictEqual(
        plain.map((entry) => ({ ...entry, inode: namespace.row(entry.ino) })),
      );
      const after = plain.at(-1)?.cookie ?? 0;
      const rest = namespace.store.readdirPlus({ ...page, after });
      expect(rest.map(({ name }) => name)).toStrictEqual(["symlink"]);
    });
  });
}
