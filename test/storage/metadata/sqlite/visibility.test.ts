import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import { ROOT_INO } from "../../../../src/model/ids.js";
import { kindOf } from "../../../support/error-kind.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { openMetadataStore } from "../../../support/stores.js";
import { testDir } from "../../../support/temp-dir.js";
import { at, Namespace } from "../fixture.js";

// The file is part of the product: other programs open it while the store works.

class Shared {
  readonly dataDir = testDir();
  readonly clock = new FakeClock();
  readonly store = openMetadataStore(this.dataDir, { clock: this.clock, scheduler: this.clock });
  readonly namespace = new Namespace(this.store);
  readonly other = new Database(join(this.dataDir, "metadata.db"));

  constructor() {
    onTestFinished(async () => {
      this.other.close();
      await this.store.close();
    });
  }

  /** The paths that another program sees. */
  get paths(): string[] {
    const sql = "SELECT virtual_path FROM file_paths ORDER BY virtual_path";
    return this.other.prepare(sql).pluck().all() as string[];
  }
}

test("others see what happened after some milliseconds of quiet", () => {
  const { clock, namespace, ...shared } = new Shared();
  namespace.file("a");
  const seen = () => new Set(shared.other.prepare("SELECT name FROM dentries").pluck().all());
  expect(seen()).toStrictEqual(new Set());
  clock.advance(10);
  expect(seen()).toStrictEqual(new Set(["a"]));
});

test("others see what happened after a commit, at once", () => {
  const shared = new Shared();
  shared.namespace.file("a");
  shared.store.commit();
  expect(shared.paths).toStrictEqual(["/a"]);
  shared.namespace.rename("a", "b");
  shared.store.commit();
  expect(shared.paths).toStrictEqual(["/b"]);
});

test("others see a change of custom metadata at once", () => {
  const { store, namespace, ...shared } = new Shared();
  const attribute = { ino: namespace.file("a"), family: "custom", key: "status" } as const;
  const seen = () => shared.other.prepare("SELECT key, value FROM file_metadata").raw().all();
  store.setAttribute({ ...attribute, value: Buffer.from("ready"), mode: "create", now: at(1) });
  expect(seen()).toStrictEqual([["status", "ready"]]);
  store.removeAttribute({ ...attribute, now: at(2) });
  expect(seen()).toStrictEqual([]);
});

test("the store itself always sees what it did", () => {
  const shared = new Shared();
  const ino = shared.namespace.file("a");
  expect(shared.namespace.lookup("a")).toBe(ino);
  expect(shared.paths).toStrictEqual([]);
});

test("others never see half of an operation", () => {
  const shared = new Shared();
  shared.namespace.file("a");
  shared.store.commit();
  shared.namespace.rename("a", "b");
  expect(shared.paths).toStrictEqual(["/a"]);
  shared.clock.advance(10);
  expect(shared.paths).toStrictEqual(["/b"]);
});

test("a reader beside it holds up neither commits nor syncs", async () => {
  const shared = new Shared();
  shared.namespace.file("a");
  shared.store.commit();
  shared.other.exec("BEGIN");
  expect(shared.paths).toStrictEqual(["/a"]);
  shared.namespace.file("b");
  await shared.store.sync();
  expect(shared.paths).toStrictEqual(["/a"]);
  shared.other.exec("COMMIT");
  expect(shared.paths).toStrictEqual(["/a", "/b"]);
});

test("what others change, the store sees", () => {
  const { store, other, clock, namespace } = new Shared();
  const ino = namespace.file("a");
  const attribute = { ino, family: "custom", key: "status" } as const;
  store.setAttribute({ ...attribute, value: Buffer.from("ready"), mode: "any", now: at(1) });
  clock.advance(10);
  other.prepare("UPDATE file_metadata SET value = ? WHERE ino = ?").run("blocked", ino);
  expect(String(store.getAttribute(attribute))).toBe("blocked");
  clock.advance(10);
  // Not a text: reads as its digits.
  other.prepare("UPDATE file_metadata SET value = ? WHERE ino = ?").run(5, ino);
  expect(String(store.getAttribute(attribute))).toBe("5");
});

test("a program that holds the lock makes writes busy; reads go on, and nothing is lost", async () => {
  const { store, other, clock, namespace } = new Shared();
  namespace.file("before");
  clock.advance(10);
  other.exec("BEGIN IMMEDIATE");
  // Waits for two seconds before it gives up.
  expect(kindOf(() => namespace.file("meanwhile"))).toBe("busy");
  expect(namespace.names()).toStrictEqual(["before"]);
  other.exec(
    "INSERT INTO file_metadata (ino, path_id, key, value, created_at) VALUES (1, '', 'k', 'v', '')",
  );
  other.exec("COMMIT");

  namespace.file("after");
  expect(namespace.names()).toStrictEqual(["before", "after"]);
  expect(store.listAttributes({ ino: ROOT_INO, family: "custom" })).toStrictEqual(["k"]);
  await store.sync();
  const names = other.prepare("SELECT name FROM dentries ORDER BY cookie").pluck().all();
  expect(names).toStrictEqual(["before", "after"]);
});

test("a sync that is asked for while another one runs isn't done before that one", async () => {
  const shared = new Shared();
  shared.namespace.file("a");
  const ended: string[] = [];
  const syncs = ["first", "second"].map((name) => shared.store.sync().then(() => ended.push(name)));
  await Promise.all(syncs);
  expect(ended).toStrictEqual(["first", "second"]);
});
