import { describe, expect, test } from "vitest";
import { S_IFDIR, S_IFREG } from "../../../../src/model/attributes.js";
import { type Ino, ROOT_INO } from "../../../../src/model/ids.js";
import type { ImportedFile } from "../../../../src/storage/metadata/import-store.js";
import { at, contentOf, hashOf, type Namespace } from "../fixture.js";
import type { OpenNamespace } from "../metadata-store-contract.js";
import { Watcher } from "./changes-fixture.js";
import { Jobs } from "./work-fixture.js";

const now = at(1);

function setCustom(namespace: Namespace, ino: Ino, keys: readonly string[]): void {
  const value = Buffer.from("v");
  const rest = { family: "custom", value, mode: "any", now } as const;
  namespace.store.setAttributes(keys.map((key) => ({ ino, key, ...rest })));
}

export function changesContract(open: OpenNamespace): void {
  const watched = () => {
    const namespace = open();
    return { namespace, store: namespace.store, watcher: new Watcher(namespace.store) };
  };

  describe("changes of names", () => {
    test("are told with the whole path, of inodes of every type", () => {
      const { namespace, watcher } = watched();
      const directory = namespace.directory("a");
      const inner = namespace.directory("b", { parent: directory });
      const ino = namespace.file("file", { parent: inner });
      namespace.node("symlink", "link", { target: Buffer.from("x") });
      const records = watcher.records();
      expect(records.map(({ kind, path, type }) => [kind, path, type])).toStrictEqual([
        ["created", "/a", 4],
        ["created", "/a/b", 4],
        ["created", "/a/b/file", 8],
        ["created", "/link", 10],
      ]);
      expect(records[2]).toMatchObject({ ino, isNew: true });
    });

    test("are told when they go", () => {
      const { namespace, store, watcher } = watched();
      const parent = namespace.directory("a");
      namespace.file("file", { parent });
      watcher.told();
      namespace.unlink("file", { parent });
      store.rmdir({ parent: ROOT_INO, name: "a", now });
      expect(watcher.told()).toStrictEqual(["removed /a/file", "removed /a"]);
    });

    test("of one file each count by themselves", () => {
      const { namespace, store, watcher } = watched();
      const ino = namespace.file("one");
      store.link({ ino, parent: ROOT_INO, name: "two", now });
      store.setattr({ ino, permissions: 0o600, now });
      namespace.unlink("one");
      expect(watcher.told()).toStrictEqual([
        "created /one",
        "appeared /two",
        "attributes /one",
        "attributes /two",
        "removed /one",
      ]);
    });

    test("come for a file without one when it gets its first, and nothing before", () => {
      const { namespace, store, watcher } = watched();
      const ino = namespace.unnamed();
      store.setattr({ ino, permissions: 0o600, now });
      store.recordActivity([{ ino, sizeBytes: 5, mtime: now }]);
      expect(watcher.told()).toStrictEqual([]);
      store.link({ ino, parent: ROOT_INO, name: "named", now });
      expect(watcher.told()).toStrictEqual(["created /named"]);
    });

    test("say nothing when they fail", () => {
      const { namespace, store, watcher } = watched();
      const parent = namespace.directory("a");
      namespace.file("file", { parent });
      watcher.told();
      expect(() => namespace.file("file", { parent })).toThrow();
      expect(() => store.rmdir({ parent: ROOT_INO, name: "a", now })).toThrow();
      expect(() => namespace.rename("a", "missing/b", { newParent: 999 as Ino })).toThrow();
      expect(watcher.told()).toStrictEqual([]);
    });
  });

  describe("changes by rename", () => {
    test("tell of both names, of a directory once for all that is below it", () => {
      const { namespace, watcher } = watched();
      const a = namespace.directory("a");
      const b = namespace.directory("b");
      namespace.file("file", { parent: a });
      watcher.told();
      namespace.rename("a", "c", { newParent: b });
      namespace.rename("file", "other", { parent: a, newParent: a });
      expect(watcher.told()).toStrictEqual(["renamed /a /b/c", "renamed /b/c/file /b/c/other"]);
    });

    test("tell what was replaced first, and leave a whiteout last", () => {
      const { namespace, watcher } = watched();
      namespace.file("one");
      namespace.file("two");
      watcher.told();
      namespace.rename("one", "two", { whiteout: { uid: 0, gid: 0 } });
      expect(watcher.told()).toStrictEqual(["removed /two", "renamed /one /two", "created /one"]);
    });

    test("of two names of one file are none", () => {
      const { namespace, store, watcher } = watched();
      store.link({ ino: namespace.file("one"), parent: ROOT_INO, name: "two", now });
      watcher.told();
      namespace.rename("one", "two");
      expect(watcher.told()).toStrictEqual([]);
    });

    test("that exchange two names tell what each of them lost and got", () => {
      const { namespace, watcher } = watched();
      const file = namespace.file("file");
      const directory = namespace.directory("dir");
      watcher.told();
      namespace.rename("file", "dir", { mode: "exchange" });
      const records = watcher.records();
      expect(records.map(({ kind, path, ino }) => [kind, path, ino])).toStrictEqual([
        ["removed", "/file", file],
        ["removed", "/dir", directory],
        ["created", "/file", directory],
        ["created", "/dir", file],
      ]);
      expect(records[2]).toMatchObject({ isNew: false, type: 4 });
    });
  });

  describe("changes of contents", () => {
    test("come from what an open file went through, but not from reading it", () => {
      const { namespace, store, watcher } = watched();
      const ino = namespace.file("file");
      watcher.told();
      store.recordActivity([{ ino, atime: at(5) }]);
      expect(watcher.told()).toStrictEqual([]);
      store.recordActivity([{ ino, sizeBytes: 5, mtime: at(5), ctime: at(5) }]);
      expect(watcher.told()).toStrictEqual(["modified /file"]);
    });

    test("that nobody has read yet are told once, after all others of the file", () => {
      const { namespace, store, watcher } = watched();
      const ino = namespace.file("file");
      const activity = () => store.recordActivity([{ ino, mtime: at(5) }]);
      for (let times = 0; times < 5; times += 1) activity();
      namespace.rename("file", "other");
      activity();
      activity();
      expect(watcher.told()).toStrictEqual([
        "created /file",
        "modified /file",
        "renamed /file /other",
        "modified /other",
      ]);
    });

    test("are told again to who has read of the last ones", () => {
      const { namespace, store, watcher } = watched();
      const ino = namespace.file("file");
      watcher.told();
      for (let times = 0; times < 3; times += 1) {
        store.recordActivity([{ ino, mtime: at(5) }]);
        expect(watcher.told()).toStrictEqual(["modified /file"]);
      }
    });

    test("are another size, another file's content, or a new file in the old one's place", () => {
      const { namespace, store, watcher } = watched();
      const [one, two] = [namespace.file("one"), namespace.file("two")];
      namespace.seal(one, contentOf("a"));
      const unnamed = namespace.unnamed();
      namespace.stage(unnamed);
      watcher.told();
      store.setattr({ ino: one, sizeBytes: 0, mtime: now, now });
      expect(watcher.told()).toStrictEqual(["modified /one"]);
      store.referenceContent({ from: one, to: two, now });
      store.placeFiles([{ ino: unnamed, parent: ROOT_INO, name: "one", now }]);
      const fresh = namespace.unnamed();
      store.placeFiles([{ ino: fresh, parent: ROOT_INO, name: "three", now }]);
      expect(watcher.told()).toStrictEqual(["modified /two", "modified /one", "created /three"]);
    });

    test("are none when a content is only sealed", () => {
      const { namespace, watcher } = watched();
      const ino = namespace.file("file");
      watcher.told();
      namespace.seal(ino, contentOf("a"));
      expect(watcher.told()).toStrictEqual([]);
    });
  });

  describe("changes of attributes", () => {
    test("are those of modes, owners and times", () => {
      const { namespace, store, watcher } = watched();
      const ino = namespace.file("file");
      watcher.told();
      store.setattr({ ino, permissions: 0o600, now });
      store.setattr({ ino, mtime: at(9), now });
      store.setattr({ ino, sizeBytes: 0, uid: 5, now });
      expect(watcher.told()).toStrictEqual([
        "attributes /file",
        "attributes /file",
        "modified /file",
        "attributes /file",
      ]);
    });

    test("name the keys of custom metadata, and only those that changed", () => {
      const { namespace, store, watcher } = watched();
      const ino = namespace.file("file");
      watcher.told();
      setCustom(namespace, ino, ["k1", "k2"]);
      const removal = { ino, family: "custom", now } as const;
      store.removeAttribute({ ...removal, key: "k1" });
      store.removeAttribute({ ...removal, key: "k1" });
      expect(watcher.told()).toStrictEqual(["metadata /file k1,k2", "metadata /file k1"]);
    });

    test("are told of the system's own without their names", () => {
      const { namespace, store, watcher } = watched();
      const ino = namespace.file("file");
      watcher.told();
      const attribute = { ino, family: "system", key: "trusted.x", now } as const;
      store.setAttribute({ ...attribute, value: Buffer.from("v"), mode: "any" });
      store.removeAttribute(attribute);
      expect(watcher.told()).toStrictEqual(["attributes /file", "attributes /file"]);
    });
  });

  describe("changes of work", () => {
    test("are told of an item, and of those that waited for it", () => {
      const { namespace, watcher } = watched();
      const jobs = new Jobs(namespace);
      const first = jobs.add("first");
      jobs.add("second", { status: "blocked", dependsOn: "/first" });
      // Its status says ready; it is in the list of those blocked all the same.
      jobs.add("third", { status: "ready", dependsOn: "/first" });
      expect(watcher.told().filter((line) => line.startsWith("work"))).toStrictEqual([
        "work /first none>ready",
        "work /second none>blocked",
        "work /third none>blocked",
      ]);
      jobs.claim(first);
      jobs.store.finishWork({
        ino: first,
        workerId: "w1",
        outcome: "completed",
        countAttempt: false,
        now: at(11),
      });
      expect(watcher.told().toSorted()).toStrictEqual([
        "work /first in_progress>completed",
        "work /first ready>in_progress",
        "work /second blocked>ready",
        "work /third blocked>ready",
      ]);
    });

    test("are the end of a lease, and of being an item", () => {
      const { namespace, watcher } = watched();
      const jobs = new Jobs(namespace);
      const ino = jobs.add("job");
      jobs.claim(ino);
      watcher.told();
      jobs.store.expireLeases(at(10_000));
      jobs.remove(ino, "status");
      expect(watcher.told()).toStrictEqual([
        "work /job in_progress>ready",
        "work /job ready>none",
        "metadata /job status",
      ]);
    });

    test("are none when the same status is set again", () => {
      const { namespace, watcher } = watched();
      const jobs = new Jobs(namespace);
      const ino = jobs.add("job");
      watcher.told();
      jobs.set(ino, "status", "ready");
      expect(watcher.told()).toStrictEqual(["metadata /job status"]);
    });

    test("come with the first name of a file that had its status before", () => {
      const { namespace, store, watcher } = watched();
      const ino = namespace.unnamed();
      new Jobs(namespace).set(ino, "status", "ready");
      store.link({ ino, parent: ROOT_INO, name: "job", now });
      expect(watcher.told()).toStrictEqual(["created /job", "work /job none>ready"]);
    });
  });

  describe("changes by import", () => {
    test("are those of each file and directory", () => {
      const { namespace, store, watcher } = watched();
      namespace.seal(namespace.file("original"), contentOf("a"));
      const there = namespace.file("there");
      setCustom(namespace, there, ["old"]);
      watcher.told();
      const owner = { tenantId: undefined, agentId: undefined };
      const directory = { parent: { ino: ROOT_INO }, name: "dir", mode: S_IFDIR | 0o755, ...owner };
      const made = { parent: { made: 0 }, name: "job", mode: S_IFREG | 0o644, ...owner };
      const file = (
        target: ImportedFile["target"],
        metadata: [string, Buffer][],
      ): ImportedFile => ({
        target,
        contentHash: hashOf("a"),
        version: 1,
        mtime: at(3),
        btime: at(2),
        mimeType: undefined,
        metadata: new Map(metadata),
        work: { zone: "/", dependencies: [] },
      });
      store.importFiles({
        now,
        uid: 0,
        gid: 0,
        directories: [directory],
        files: [
          file({ ...made, pathId: undefined }, [["status", Buffer.from("ready")]]),
          file({ ino: there }, [["new", Buffer.from("v")]]),
          file({ ino: there }, [["new", Buffer.from("v")]]),
        ],
      });
      expect(watcher.told()).toStrictEqual([
        "created /dir",
        "created /dir/job",
        "metadata /dir/job status",
        "modified /there",
        "metadata /there old,new",
        "attributes /there",
        "metadata /there new",
        "work /dir/job none>ready",
      ]);
    });
  });
}
