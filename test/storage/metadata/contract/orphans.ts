import { describe, expect, test } from "vitest";
import { type Ino, ROOT_INO } from "../../../../src/model/ids.js";
import { kindOf } from "../../../support/error-kind.js";
import { at, contentOf, hashOf } from "../fixture.js";
import type { OpenNamespace } from "../metadata-store-contract.js";

export function orphansContract(open: OpenNamespace): void {
  describe("reap", () => {
    test("deletes orphans with all they own, and says what that was", () => {
      const namespace = open();
      const { store } = namespace;
      const inos = ["sealed", "staged", "both"].map((name) => namespace.file(name));
      const [sealed, staged, both] = inos as [Ino, Ino, Ino];
      namespace.seal(sealed, contentOf("a"));
      const stagedId = namespace.stage(staged);
      namespace.seal(both, contentOf("b"));
      const bothId = namespace.stage(both);
      for (const ino of inos) {
        const value = Buffer.from("v");
        store.setAttribute({ ino, family: "custom", key: "k", value, mode: "any", now: at(1) });
      }
      for (const name of ["sealed", "staged", "both"]) namespace.unlink(name);
      expect(store.orphans().sort()).toStrictEqual([...inos].sort());
      const before = store.countInodes();

      const reaped = store.reap(inos);
      expect(reaped.count).toBe(3);
      expect(reaped.stagingIds.sort()).toStrictEqual([stagedId, bothId].sort());
      expect(reaped.unreferenced.sort()).toStrictEqual([hashOf("a"), hashOf("b")]);
      expect(store.orphans()).toStrictEqual([]);
      expect(store.countInodes()).toBe(before - 3);
      for (const ino of inos) {
        expect(store.getattr(ino)).toBeUndefined();
        expect(store.describe(ino)).toBeUndefined();
        expect(store.listAttributes({ ino, family: "custom" })).toStrictEqual([]);
      }
    });

    test("leaves alone what has a name, and what is gone", () => {
      const namespace = open();
      const ino = namespace.file("file");
      const nothing = { count: 0, stagingIds: [], unreferenced: [] };
      expect(namespace.store.reap([ino, ROOT_INO, 999_999 as Ino])).toStrictEqual(nothing);
      expect(namespace.lookup("file")).toBe(ino);
      expect(namespace.store.countInodes()).toBe(2);
      namespace.unlink("file");
      expect(namespace.store.reap([ino, ino]).count).toBe(1);
      expect(namespace.store.reap([ino]).count).toBe(0);
      expect(namespace.store.countInodes()).toBe(1);
    });

    test("a content that another file has stays referenced", () => {
      const namespace = open();
      const [one, two] = [namespace.file("one"), namespace.file("two")];
      for (const ino of [one, two]) namespace.seal(ino, contentOf("a"));
      namespace.unlink("one");
      expect(namespace.store.reap([one]).unreferenced).toStrictEqual([]);
      expect(namespace.store.describe(two)?.refCount).toBe(1);
      namespace.unlink("two");
      expect(namespace.store.reap([two]).unreferenced).toStrictEqual([hashOf("a")]);
    });

    test("takes removed directories and symlinks as well", () => {
      const namespace = open();
      const directory = namespace.directory("dir");
      const symlink = namespace.node("symlink", "link", { target: Buffer.from("x") });
      namespace.store.rmdir({ parent: ROOT_INO, name: "dir", now: at(1) });
      namespace.unlink("link");
      expect(namespace.store.reap([directory, symlink]).count).toBe(2);
      expect(kindOf(() => namespace.store.readlink(symlink))).toBe("not-found");
      expect(namespace.store.countInodes()).toBe(1);
    });

    test("an orphan that got a name again is none", () => {
      const namespace = open();
      const ino = namespace.unnamed();
      namespace.store.link({ ino, parent: ROOT_INO, name: "named", now: at(1) });
      expect(namespace.store.reap([ino]).count).toBe(0);
      expect(namespace.lookup("named")).toBe(ino);
    });
  });
}
