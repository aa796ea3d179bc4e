import { describe, expect, test } from "vitest";
import { ROOT_INO } from "../../../../src/model/ids.js";
import type { RenameRequest } from "../../../../src/storage/metadata/metadata-store.js";
import { kindOf } from "../../../support/error-kind.js";
import { at, TYPE_OF } from "../fixture.js";
import type { OpenNamespace } from "../metadata-store-contract.js";

const exchange = { mode: "exchange" } satisfies Partial<RenameRequest>;

export function exchangeContract(open: OpenNamespace): void {
  describe("exchange", () => {
    test("swaps two files, which keep their rows but for ctime", () => {
      const namespace = open();
      const one = namespace.file("one");
      const two = namespace.file("two");
      const before = [namespace.row(one), namespace.row(two)];

      const result = namespace.rename("one", "two", { ...exchange, now: at(5) });
      expect(result).toStrictEqual({ moved: [one, two], replaced: undefined });
      expect([namespace.lookup("one"), namespace.lookup("two")]).toStrictEqual([two, one]);
      expect([namespace.row(one), namespace.row(two)]).toStrictEqual(
        before.map((row) => ({ ...row, ctime: at(5) })),
      );
      expect(namespace.row(ROOT_INO)).toMatchObject({ mtime: at(5), ctime: at(5) });
    });

    test("of a file and a directory in two places moves the link, and the listing tells the types", () => {
      const namespace = open();
      const a = namespace.directory("a");
      const b = namespace.directory("b");
      const file = namespace.file("file", { parent: a });
      const directory = namespace.directory("dir", { parent: b });
      const options = { ...exchange, parent: a, newParent: b, now: at(5) };

      namespace.rename("file", "dir", options);
      expect(namespace.row(a)).toMatchObject({ nlink: 3, mtime: at(5) });
      expect(namespace.row(b)).toMatchObject({ nlink: 2, mtime: at(5) });
      expect(namespace.lookup("file", a)).toBe(directory);
      expect(namespace.lookup("dir", b)).toBe(file);
      expect(namespace.store.entryOf(directory)?.parent).toBe(a);
      const page = { after: 0, limit: 10 };
      const [inA] = namespace.store.readdir({ ino: a, ...page });
      const [inB] = namespace.store.readdir({ ino: b, ...page });
      expect([inA?.mode, inB?.mode]).toStrictEqual([TYPE_OF.directory, TYPE_OF.file]);
      namespace.rename("file", "dir", options);
      expect([namespace.row(a).nlink, namespace.row(b).nlink]).toStrictEqual([2, 3]);
    });

    test("of two full directories keeps what is in them", () => {
      const namespace = open();
      const a = namespace.directory("a");
      const b = namespace.directory("b");
      namespace.file("in a", { parent: a });
      namespace.directory("in b", { parent: b });
      namespace.rename("a", "b", exchange);
      expect(namespace.lookup("a")).toBe(b);
      expect([namespace.names(a), namespace.names(b)]).toStrictEqual([["in a"], ["in b"]]);
      expect([namespace.row(a).nlink, namespace.row(b).nlink]).toStrictEqual([2, 3]);
      expect(namespace.row(ROOT_INO).nlink).toBe(4);
    });

    test("gives each file the MIME type of its new name", () => {
      const namespace = open();
      const one = namespace.file("1.txt", { mimeType: "text/plain" });
      const two = namespace.file("2.json", { mimeType: "application/json" });
      const types = { mimeType: "text/plain", newMimeType: "application/json" };
      namespace.rename("1.txt", "2.json", { ...exchange, ...types });
      expect(namespace.store.describe(one)?.mimeType).toBe("application/json");
      expect(namespace.store.describe(two)?.mimeType).toBe("text/plain");
    });

    test("needs both names, and no directory may get into itself", () => {
      const namespace = open();
      const a = namespace.directory("a");
      const b = namespace.directory("b", { parent: a });
      namespace.file("file", { parent: b });

      expect(kindOf(() => namespace.rename("a", "none", exchange))).toBe("not-found");
      expect(kindOf(() => namespace.rename("none", "a", exchange))).toBe("not-found");
      const down = { ...exchange, newParent: b };
      expect(kindOf(() => namespace.rename("a", "file", down))).toBe("invalid-argument");
      const up = { ...exchange, parent: b };
      expect(kindOf(() => namespace.rename("file", "a", up))).toBe("invalid-argument");
      expect(namespace.row(ROOT_INO)).toMatchObject({ nlink: 3, mtime: at(1) });
      expect(namespace.names(b)).toStrictEqual(["file"]);
    });

    test("of two names of one file does nothing", () => {
      const namespace = open();
      const ino = namespace.file("one");
      namespace.store.link({ ino, parent: ROOT_INO, name: "two", now: at(1) });
      namespace.rename("one", "two", { ...exchange, now: at(9) });
      expect(namespace.names()).toStrictEqual(["one", "two"]);
      expect(namespace.row(ino)).toMatchObject({ nlink: 2, ctime: at(1) });
    });
  });
}
