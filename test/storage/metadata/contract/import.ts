import { describe, expect, test } from "vitest";
import { S_IFDIR, S_IFREG } from "../../../../src/model/attributes.js";
import type { Ino } from "../../../../src/model/ids.js";
import { type PathId, ROOT_INO } from "../../../../src/model/ids.js";
import type {
  ImportedFile,
  ImportRequest,
  NewFile,
} from "../../../../src/storage/metadata/import-store.js";
import { kindOf } from "../../../support/error-kind.js";
import { at, contentOf, hashOf } from "../fixture.js";
import type { OpenNamespace } from "../metadata-store-contract.js";

const NAME = { tenantId: undefined, agentId: undefined };

function newFile(name: string, more: Partial<NewFile> = {}): NewFile {
  const parent = { ino: ROOT_INO };
  return { parent, name, mode: S_IFREG | 0o644, pathId: undefined, ...NAME, ...more };
}

function fileOf(target: ImportedFile["target"], more: Partial<ImportedFile> = {}): ImportedFile {
  return {
    target,
    contentHash: hashOf("a"),
    version: 1,
    mtime: at(3, 4),
    btime: at(2),
    mimeType: undefined,
    metadata: new Map(),
    work: { zone: "/", dependencies: [] },
    ...more,
  };
}

function request(files: ImportedFile[], more: Partial<ImportRequest> = {}): ImportRequest {
  return { now: at(9), uid: 5, gid: 6, directories: [], files, ...more };
}

export function importContract(open: OpenNamespace): void {
  describe("importFiles", () => {
    test("makes files, in directories that it makes, with a content that another file has", () => {
      const namespace = open();
      const { store } = namespace;
      namespace.seal(namespace.file("original"), contentOf("a"));
      const pathId = "01234567-89ab-7def-8123-456789abcdef" as PathId;
      const mode = S_IFDIR | 0o755;
      const directories = [
        { parent: { ino: ROOT_INO }, name: "one", mode, ...NAME },
        { parent: { made: 0 }, name: "two", mode, ...NAME },
      ];
      const file = newFile("file", { parent: { made: 1 }, pathId });
      const metadata = new Map([["key", Buffer.from("value")]]);
      const files = [fileOf(file, { version: 7, metadata }), fileOf(newFile("other", { pathId }))];
      const { inos, unreferenced } = store.importFiles(request(files, { directories }));
      expect(unreferenced).toStrictEqual([]);
      const [ino, other] = inos;
      if (ino === undefined || other === undefined) throw new Error("two files were imported");
      const two = namespace.lookup("two", namespace.lookup("one"));
      expect(namespace.lookup("file", two)).toBe(ino);
      expect(namespace.row(ino)).toMatchObject({
        contentHash: hashOf("a"),
        sizeBytes: 10,
        uid: 5,
        nlink: 1,
        mtime: at(3, 4),
        btime: at(2),
        ctime: at(9),
      });
      expect(store.describe(ino)).toMatchObject({ pathId, version: 7, refCount: 3 });
      expect(store.describe(other)?.pathId).not.toBe(pathId);
      const value = store.getAttribute({ ino, family: "custom", key: "key" });
      expect(Buffer.from(value ?? []).toString()).toBe("value");
    });

    test("gives a file that is there another content, and never takes its version back", () => {
      const namespace = open();
      const { store } = namespace;
      namespace.seal(namespace.file("original"), contentOf("a"));
      const ino = namespace.file("file", { permissions: 0o4755 });
      for (const digit of ["c", "d", "b"]) namespace.seal(ino, contentOf(digit));
      namespace.stage(ino);
      const old = { ino, family: "custom", key: "old", now: at(1) } as const;
      store.setAttribute({ ...old, value: Buffer.from("x"), mode: "any" });
      const { pathId } = store.describe(ino) ?? {};
      const { unreferenced } = store.importFiles(request([fileOf({ ino })]));
      expect(unreferenced).toStrictEqual([hashOf("b")]);
      expect(store.describe(ino)).toMatchObject({ pathId, version: 4, refCount: 2 });
      expect(namespace.row(ino).mode & 0o7777).toBe(0o755);
      expect(store.listAttributes(old)).toStrictEqual([]);
      expect(store.stagedContents()).toStrictEqual([]);
      store.importFiles(request([fileOf({ ino })]));
      expect(store.describe(ino)).toMatchObject({ version: 4, refCount: 2 });
    });

    test("brings work, whose dependencies may be in the same import", () => {
      const namespace = open();
      const { store } = namespace;
      namespace.seal(namespace.file("original"), contentOf("a"));
      const reference = { by: "path", text: "/first", path: "/first" } as const;
      const first = { status: Buffer.from("ready"), priority: Buffer.from("3") };
      const second = { status: Buffer.from("blocked"), depends_on: Buffer.from("/first") };
      const dependencies = [{ reference, ino: undefined, file: 0 }];
      const { inos } = store.importFiles(
        request([
          fileOf(newFile("first"), { metadata: new Map(Object.entries(first)) }),
          fileOf(newFile("second"), {
            metadata: new Map(Object.entries(second)),
            work: { zone: "/", dependencies },
          }),
        ]),
      );
      const [one, two] = inos;
      if (one === undefined || two === undefined) throw new Error("two files were imported");
      expect(store.work.workItem(one)).toMatchObject({ state: "ready", priority: 3 });
      expect(store.work.dependenciesOf(two)).toMatchObject([{ state: "waiting", ino: one }]);
      const now = at(9);
      store.work.claimWork({ ino: one, workerId: "w", leaseMs: 1000, now });
      const done = { outcome: "completed", countAttempt: false, now } as const;
      store.work.finishWork({ ino: one, workerId: "w", ...done });
      expect(store.work.workItem(two)).toMatchObject({ state: "ready", blockerCount: 0 });
    });

    test("what a worker had is in progress for the time of a claim, and then ready", () => {
      const namespace = open();
      const { store } = namespace;
      namespace.seal(namespace.file("original"), contentOf("a"));
      const claimed = { status: "in_progress", worker_id: "w", started_at: "2020-01-01T00:00:00" };
      const begun = { status: "in_progress" };
      const heard: string[] = [];
      store.work.watchWork((news) => heard.push(news));
      const { inos } = store.importFiles(
        request(
          Object.entries({ claimed, begun }).map(([name, values]) => {
            const metadata = Object.entries(values).map(
              ([key, value]) => [key, Buffer.from(value)] as const,
            );
            return fileOf(newFile(name), { metadata: new Map(metadata) });
          }),
        ),
      );
      expect(heard).toContain("leased");
      const [one, two] = inos as [Ino, Ino];
      expect(store.work.workItem(one)).toMatchObject({
        state: "in_progress",
        workerId: "w",
        startedAt: "2020-01-01T00:00:00",
      });
      expect(store.work.workItem(two)).toMatchObject({ state: "in_progress" });
      const endMs = store.work.nextLeaseEndMs() ?? 0;
      store.work.expireLeases(at(endMs / 1000 - 1));
      expect(store.work.workItem(one)).toMatchObject({ state: "in_progress" });
      store.work.expireLeases(at(endMs / 1000));
      expect(store.work.workItem(one)).toMatchObject({ state: "ready", attempts: 1 });
      // Nobody claimed this one: somebody said so.
      expect(store.work.workItem(two)).toMatchObject({ state: "in_progress" });
    });

    test("all of it or nothing", () => {
      const namespace = open();
      const { store } = namespace;
      namespace.seal(namespace.file("original"), contentOf("a"));
      store.announceContents([contentOf("b")]);
      const good = fileOf(newFile("good"));
      const run = (bad: ImportedFile) => kindOf(() => store.importFiles(request([good, bad])));
      expect(run(fileOf(newFile("x"), { contentHash: hashOf("b") }))).toBe("not-found");
      expect(run(fileOf(newFile("x"), { contentHash: hashOf("c") }))).toBe("not-found");
      expect(run(fileOf({ ino: ROOT_INO }))).toBe("not-found");
      expect(run(fileOf(newFile("original")))).toBe("already-exists");
      expect(namespace.names()).toStrictEqual(["original"]);
      expect(store.findContent(hashOf("b"))).toBeUndefined();
      expect(store.findContent(hashOf("a"))).toStrictEqual(contentOf("a"));
    });
  });
}
