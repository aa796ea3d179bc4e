import { describe, expect, test } from "vitest";
import { isDirectory, S_IFMT, S_ISGID } from "../../../../src/model/attributes.js";
import {
  type AgentId,
  type Ino,
  ROOT_INO,
  type StagingId,
  type TenantId,
} from "../../../../src/model/ids.js";
import { kindOf } from "../../../support/error-kind.js";
import { at, type NodeType, TYPE_OF } from "../fixture.js";
import type { OpenNamespace } from "../metadata-store-contract.js";

const TYPES = Object.keys(TYPE_OF) as NodeType[];

export function createContract(open: OpenNamespace): void {
  describe("create", () => {
    test.each(TYPES)("makes a %s that its name leads to", (type) => {
      const namespace = open();
      const target = type === "symlink" ? { target: Buffer.from("somewhere") } : {};
      const now = at(1_900_000_000, 123_456_789);
      const request = { permissions: 0o640, uid: 1000, gid: 100, rdev: 0x0103, now, ...target };

      const made = namespace.create(type, "new", request);

      const directory = isDirectory(made.mode);
      const sizeBytes = directory ? 4096 : type === "symlink" ? 9 : 0;
      expect(made).toStrictEqual({
        ino: made.ino,
        mode: TYPE_OF[type] | 0o640,
        uid: 1000,
        gid: 100,
        nlink: directory ? 2 : 1,
        sizeBytes,
        blocks: directory ? 8 : 0,
        rdev: 0x0103,
        atime: now,
        mtime: now,
        ctime: now,
        btime: now,
        contentHash: undefined,
      });
      expect(namespace.row(made.ino)).toStrictEqual(made);
      expect(namespace.store.lookup({ parent: ROOT_INO, name: "new" })).toStrictEqual(made);
      const [entry] = namespace.store.readdir({ ino: ROOT_INO, after: 0, limit: 1 });
      expect(entry).toMatchObject({ name: "new", ino: made.ino, mode: TYPE_OF[type] });
    });

    test("keeps mtime, ctime and links of the parent up to date", () => {
      const namespace = open();
      const parent = namespace.directory("parent", { now: at(10) });

      namespace.file("file", { parent, now: at(20) });
      expect(namespace.row(parent)).toMatchObject({ nlink: 2, mtime: at(20), ctime: at(20) });
      namespace.directory("directory", { parent, now: at(30) });
      expect(namespace.row(parent)).toMatchObject({ nlink: 3, mtime: at(30), ctime: at(30) });
      expect(namespace.row(parent)).toMatchObject({ atime: at(10), btime: at(10) });
    });

    test("tells what it was given of tenant, agent and MIME type, and makes up a path id", () => {
      const namespace = open();
      const tenantId = "acme" as TenantId;
      const agentId = "agent1" as AgentId;
      const ino = namespace.file("a.txt", { tenantId, agentId, mimeType: "text/plain" });
      const other = namespace.file("b");

      expect(namespace.store.describe(ino)).toStrictEqual({
        pathId: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
        version: 0,
        contentHash: undefined,
        refCount: 0,
        mimeType: "text/plain",
        tenantId,
        agentId,
        createdAt: at(1),
      });
      const description = namespace.store.describe(other);
      expect(description).toMatchObject({ mimeType: undefined, tenantId: undefined });
      expect(description?.pathId).not.toBe(namespace.store.describe(ino)?.pathId);
    });

    test("says where the content of a new file is staged", () => {
      const namespace = open();
      const stagingId = namespace.store.nextId() as StagingId;
      const ino = namespace.file("file", { stagingId, now: at(7, 8) });
      expect(namespace.store.stagedContents()).toStrictEqual([
        { ino, stagingId, sizeBytes: 0, mtime: at(7, 8) },
      ]);
    });

    test("keeps names byte for byte, whatever they look like", () => {
      const namespace = open();
      const names = ["x", "X", " ", "-", "a b", "é", "e\u0301", "文件", "%", "_", "'", '"', "🙂"];
      const longest = "n".repeat(255);
      const inos = [...names, longest].map((name) => namespace.file(name));
      expect(namespace.names()).toStrictEqual([...names, longest]);
      expect([...names, longest].map((name) => namespace.lookup(name))).toStrictEqual(inos);
    });

    test("a name that is taken is already-exists, and nothing changes", () => {
      const namespace = open();
      const ino = namespace.file("taken", { now: at(1) });
      for (const type of TYPES) {
        expect(kindOf(() => namespace.node(type, "taken", { now: at(2) }))).toBe("already-exists");
      }
      expect(namespace.lookup("taken")).toBe(ino);
      expect(namespace.names()).toStrictEqual(["taken"]);
      expect(namespace.row(ROOT_INO)).toMatchObject({ nlink: 2, mtime: at(1) });
    });

    test("a directory that was removed, or never was, takes no entries: not-found", () => {
      const namespace = open();
      const parent = namespace.directory("gone");
      namespace.store.rmdir({ parent: ROOT_INO, name: "gone", now: at(1) });
      const before = namespace.store.countInodes();

      expect(kindOf(() => namespace.file("a", { parent }))).toBe("not-found");
      expect(kindOf(() => namespace.file("a", { parent: 999_999 as Ino }))).toBe("not-found");
      expect(namespace.names(parent)).toStrictEqual([]);
      expect(namespace.store.countInodes()).toBe(before);
    });

    test("a parent that is no directory is not-a-directory", () => {
      const namespace = open();
      const parent = namespace.file("file");
      expect(kindOf(() => namespace.file("a", { parent }))).toBe("not-a-directory");
      expect(namespace.names(parent)).toStrictEqual([]);
    });

    test("in a set-group-id directory entries get its group, and directories the bit too", () => {
      const namespace = open();
      const parent = namespace.directory("shared", { permissions: 0o2775, gid: 50 });
      const file = namespace.create("file", "file", { parent, gid: 100 });
      const directory = namespace.create("directory", "sub", {
        parent,
        gid: 100,
        permissions: 0o755,
      });

      expect(file).toMatchObject({ gid: 50, mode: TYPE_OF.file | 0o644 });
      expect(directory).toMatchObject({ gid: 50, mode: TYPE_OF.directory | S_ISGID | 0o755 });
      expect(namespace.row(directory.ino)).toStrictEqual(directory);
      const below = namespace.create("file", "file", { parent: directory.ino, gid: 100 });
      expect(below.gid).toBe(50);
    });

    test("an inode made without a name has no links until it gets one", () => {
      const namespace = open();
      const ino = namespace.unnamed({ now: at(5) });
      expect(namespace.row(ino)).toMatchObject({ nlink: 0, ctime: at(5) });
      expect(namespace.names()).toStrictEqual([]);
      expect(namespace.store.orphans()).toStrictEqual([ino]);

      const linked = namespace.store.link({ ino, parent: ROOT_INO, name: "now", now: at(6) });
      expect(linked).toMatchObject({ ino, nlink: 1, ctime: at(6) });
      expect(namespace.lookup("now")).toBe(ino);
      expect(namespace.store.orphans()).toStrictEqual([]);
    });

    test("an inode made without a name has the media type of its first one", () => {
      const namespace = open();
      const { store } = namespace;
      const ino = namespace.unnamed();
      const link = { ino, parent: ROOT_INO, now: at(6) };
      store.link({ ...link, name: "first", mimeType: "text/plain" });
      expect(store.describe(ino)?.mimeType).toBe("text/plain");
      store.link({ ...link, name: "second", mimeType: "application/json" });
      expect(store.describe(ino)?.mimeType).toBe("text/plain");
    });

    test("a new store has a root directory, which is its own parent", () => {
      const { store } = open();
      const root = store.getattr(ROOT_INO);
      expect(root).toMatchObject({ ino: ROOT_INO, nlink: 2 });
      expect((root?.mode ?? 0) & S_IFMT).toBe(TYPE_OF.directory);
      expect(store.entryOf(ROOT_INO)).toBeUndefined();
      expect(store.countInodes()).toBe(1);
    });
  });

  describe("symlinks", () => {
    const targets: Record<string, Buffer> = {
      text: Buffer.from("../some where/ünïcode"),
      "bytes that are no UTF-8": Buffer.from([0x2f, 0xff, 0xfe, 0x80, 0x2f, 0xc3]),
      "4095 bytes": Buffer.alloc(4095, "x"),
    };
    test.each(Object.entries(targets))("a target of %s comes back byte for byte", (_, target) => {
      const namespace = open();
      const ino = namespace.node("symlink", "link", { target });
      expect(Buffer.from(namespace.store.readlink(ino))).toStrictEqual(target);
      expect(namespace.row(ino).sizeBytes).toBe(target.length);
    });

    test("readlink of anything else is invalid-argument, of nothing not-found", () => {
      const namespace = open();
      for (const type of TYPES.filter((other) => other !== "symlink")) {
        const ino = namespace.node(type, type);
        expect(kindOf(() => namespace.store.readlink(ino))).toBe("invalid-argument");
      }
      expect(kindOf(() => namespace.store.readlink(999_999 as Ino))).toBe("not-found");
    });
  });
}
