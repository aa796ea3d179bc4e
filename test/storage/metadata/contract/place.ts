import { describe, expect, test } from "vitest";
import { type Ino, type PathId, ROOT_INO } from "../../../../src/model/ids.js";
import type { PlaceFileRequest } from "../../../../src/storage/metadata/metadata-store.js";
import { kindOf } from "../../../support/error-kind.js";
import { at, contentOf, hashOf } from "../fixture.js";
import type { OpenNamespace } from "../metadata-store-contract.js";
import { Jobs } from "./work-fixture.js";

function placement(ino: Ino, name: string, parent = ROOT_INO): PlaceFileRequest {
  return { ino, parent, name, now: at(9) };
}

export function placeContract(open: OpenNamespace): void {
  describe("placeFiles", () => {
    test("gives files their names, and content to the files that have them already", () => {
      const namespace = open();
      const { store } = namespace;
      const old = namespace.file("old");
      namespace.seal(old, contentOf("a"));
      const pathId = store.describe(old)?.pathId;
      const [fresh, sealed, staged] = [
        namespace.unnamed(),
        namespace.unnamed(),
        namespace.unnamed(),
      ];
      namespace.seal(sealed, contentOf("b", 20));
      const other = namespace.file("other");
      const stagingId = namespace.stage(staged);
      const placed = [
        placement(fresh, "fresh"),
        placement(sealed, "old"),
        placement(staged, "other"),
      ];
      expect(store.placeFiles(placed)).toStrictEqual([hashOf("a")]);
      expect(namespace.lookup("fresh")).toBe(fresh);
      expect(namespace.row(fresh).nlink).toBe(1);
      expect(namespace.lookup("old")).toBe(old);
      expect(namespace.row(old)).toMatchObject({ contentHash: hashOf("b"), sizeBytes: 20 });
      expect(store.describe(old)).toMatchObject({ pathId, version: 2 });
      const staging = store.stagedContents().map((record) => [record.ino, record.stagingId]);
      expect(staging).toStrictEqual([[other, stagingId]]);
      expect(store.orphans().sort()).toStrictEqual([sealed, staged].sort());
    });

    test("all of them or none", () => {
      const namespace = open();
      const { store } = namespace;
      const good = namespace.unnamed();
      const named = namespace.file("named");
      namespace.directory("directory");
      namespace.node("symlink", "symlink", { target: Buffer.from("x") });
      const gone = namespace.directory("gone");
      store.rmdir({ parent: ROOT_INO, name: "gone", now: at(1) });
      const spare = namespace.unnamed();
      const names = namespace.names();
      const run = (bad: PlaceFileRequest) =>
        kindOf(() => store.placeFiles([placement(good, "good"), bad]));
      expect(run(placement(spare, "directory"))).toBe("is-a-directory");
      expect(run(placement(spare, "symlink"))).toBe("not-supported");
      expect(run(placement(spare, "x", gone))).toBe("not-found");
      expect(run(placement(named, "x"))).toBe("not-found");
      expect(run(placement(77_777 as Ino, "x"))).toBe("not-found");
      expect(namespace.names()).toStrictEqual(names);
      expect(namespace.row(good).nlink).toBe(0);
    });
  });

  describe("readdirByName", () => {
    const NAMES = ["b", "a", "é", "Z", "a!", "ab", "\u{1F600}", "\uFF5E", "a-b"];

    test("gives the order of UTF-8, page by page, whatever the page", () => {
      const namespace = open();
      for (const name of NAMES) namespace.file(name);
      const sorted = [...NAMES].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      for (const limit of [1, 2, 100]) {
        const found: string[] = [];
        for (let after: string | undefined = ""; after !== undefined; ) {
          const page = namespace.store.readdirByName({ ino: ROOT_INO, after, limit });
          for (const { name, ino, inode } of page) {
            expect(inode).toStrictEqual(namespace.row(ino));
            found.push(name);
          }
          after = page.at(-1)?.name;
        }
        expect(found).toStrictEqual(sorted);
      }
    });

    test("goes on after a name that isn't there any more, and has nothing of a file", () => {
      const namespace = open();
      for (const name of ["a", "b", "c"]) namespace.file(name);
      namespace.unlink("b");
      const page = { ino: ROOT_INO, after: "b", limit: 10 };
      expect(namespace.store.readdirByName(page).map(({ name }) => name)).toStrictEqual(["c"]);
      const ino = namespace.lookup("a") ?? ROOT_INO;
      expect(namespace.store.readdirByName({ ino, after: "", limit: 10 })).toStrictEqual([]);
    });
  });

  describe("inodeOf", () => {
    test("finds an inode by its path_id until it is gone", () => {
      const namespace = open();
      const { store } = namespace;
      const ino = namespace.file("file");
      const pathId = store.describe(ino)?.pathId ?? ("" as PathId);
      expect(store.inodeOf(pathId)).toBe(ino);
      namespace.rename("file", "other");
      expect(store.inodeOf(pathId)).toBe(ino);
      namespace.unlink("other");
      store.reap([ino]);
      expect(store.inodeOf(pathId)).toBeUndefined();
      expect(store.inodeOf("01234567-89ab-7def-8123-456789abcdef" as PathId)).toBeUndefined();
    });
  });

  describe("setAttributes", () => {
    test("sets all of them, or none: of the metadata, the times and the queue", () => {
      const namespace = open();
      const { store } = namespace;
      const jobs = new Jobs(namespace);
      const [one, two] = [namespace.file("one"), namespace.file("two")];
      const attribute = (ino: Ino, key: string, value: string, mode = "any" as "any" | "replace") =>
        ({
          ino,
          family: "custom",
          key,
          value: Buffer.from(value),
          mode,
          now: at(5),
          work: { zone: "/" },
        }) as const;
      const good = [attribute(one, "status", "ready"), attribute(two, "k", "v")];
      const told = () => [namespace.row(one), namespace.row(two), jobs.names("ready")];
      const before = told();
      const run = (bad: ReturnType<typeof attribute>) =>
        kindOf(() => store.setAttributes([...good, bad]));
      expect(run(attribute(two, "status", "nonsense"))).toBe("invalid-argument");
      expect(run(attribute(two, "priority", "1.5"))).toBe("invalid-argument");
      expect(run(attribute(two, "missing", "x", "replace"))).toBe("no-attribute");
      expect(run(attribute(77_777 as Ino, "k", "x"))).toBe("not-found");
      expect(told()).toStrictEqual(before);
      expect(store.listAttributes({ ino: two, family: "custom" })).toStrictEqual([]);
      store.setAttributes(good);
      expect(jobs.names("ready")).toStrictEqual(["one"]);
      expect(jobs.get(two, "k")).toBe("v");
      expect(namespace.row(two).ctime).toStrictEqual(at(5));
    });
  });
}
