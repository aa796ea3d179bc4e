import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";
import { ROOT_INO } from "../../../../src/model/ids.js";
import { KEPT_MS, MOST_KEPT } from "../../../../src/storage/metadata/sqlite/sqlite-change-store.js";
import { afterKill } from "../../../support/crash.js";
import { kindOf } from "../../../support/error-kind.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { openMetadataStore } from "../../../support/stores.js";
import { testDir } from "../../../support/temp-dir.js";
import { Watcher } from "../contract/changes-fixture.js";
import { at, Namespace } from "../fixture.js";

// How long the record of changes lives, and how large it gets.

class Fixture {
  readonly dataDir: string;
  readonly clock: FakeClock;
  readonly namespace: Namespace;

  constructor({ dataDir = testDir(), clock = new FakeClock() } = {}) {
    this.dataDir = dataDir;
    this.clock = clock;
    this.namespace = new Namespace(openMetadataStore(dataDir, { clock, scheduler: clock }));
    onTestFinished(() => this.close());
  }

  get store() {
    return this.namespace.store;
  }

  close(): Promise<void> {
    return this.store.close();
  }

  killed(): Fixture {
    return new Fixture({ dataDir: afterKill(this.dataDir), clock: this.clock });
  }

  async reopened(): Promise<Fixture> {
    await this.close();
    return new Fixture({ dataDir: this.dataDir, clock: this.clock });
  }

  /** How many changes the database has. */
  get rows(): number {
    this.store.commit();
    const database = new Database(join(this.dataDir, "metadata.db"), { readonly: true });
    try {
      return database.prepare("SELECT count(*) FROM changes").pluck().get() as number;
    } finally {
      database.close();
    }
  }

  after(watcher: Watcher): string[] {
    const records = this.store.changes.changesAfter({ after: watcher.position, limit: 1000 });
    return records.map(({ kind, path }) => `${kind} ${path}`);
  }
}

describe("while nobody ever watched", () => {
  test("nothing is recorded, and there is nothing to go on from", () => {
    const fixture = new Fixture();
    fixture.namespace.file("file");
    expect(fixture.rows).toBe(0);
    expect(kindOf(() => fixture.store.changes.newestChange())).toBe("stale");
    fixture.store.commit();
    expect(fixture.clock.waiting).toBe(0);
  });
});

describe("who watches", () => {
  test("is told of every transaction that recorded something, and of no other", () => {
    const { namespace, store } = new Fixture();
    const [one, two] = [new Watcher(store), new Watcher(store)];
    namespace.directory("a");
    store.nextId();
    namespace.unnamed();
    expect(() => namespace.file("a")).toThrow();
    expect([one.news, two.news]).toStrictEqual([1, 1]);
    one.leave();
    namespace.file("b");
    expect([one.news, two.news]).toStrictEqual([1, 2]);
  });

  test("needs no timer while nothing happens", () => {
    const fixture = new Fixture();
    const watcher = new Watcher(fixture.store);
    fixture.namespace.file("file");
    expect(watcher.told()).toStrictEqual(["created /file"]);
    fixture.store.commit();
    expect(fixture.clock.waiting).toBe(0);
  });

  test("finds all that happened when it comes back within an hour", () => {
    const fixture = new Fixture();
    const watcher = new Watcher(fixture.store);
    fixture.namespace.file("before");
    watcher.told();
    watcher.leave();
    fixture.clock.advance(KEPT_MS - 1000);
    fixture.namespace.file("meanwhile");
    new Watcher(fixture.store);
    fixture.namespace.file("after");
    expect(fixture.after(watcher)).toStrictEqual(["created /meanwhile", "created /after"]);
  });

  test("has lost the thread after an hour, and nothing is recorded or kept any more", () => {
    const fixture = new Fixture();
    const watcher = new Watcher(fixture.store);
    for (let index = 0; index < 10; index += 1) fixture.namespace.file(`file${index}`);
    watcher.told();
    watcher.leave();
    fixture.clock.advance(KEPT_MS);
    fixture.namespace.file("unseen");
    expect(fixture.rows).toBe(11);
    fixture.clock.advance(1000);
    expect(fixture.rows).toBe(1);
    expect(fixture.clock.waiting).toBe(0);
    expect(kindOf(() => fixture.after(watcher))).toBe("stale");
    const next = new Watcher(fixture.store);
    expect(kindOf(() => fixture.after(watcher))).toBe("stale");
    fixture.namespace.file("seen");
    expect(next.told()).toStrictEqual(["created /seen"]);
  });

  test("isn't taken back by a time of day that is set back", () => {
    const fixture = new Fixture();
    const watcher = new Watcher(fixture.store);
    watcher.leave();
    fixture.clock.advance(KEPT_MS);
    fixture.namespace.file("unseen");
    fixture.clock.advance(1000);
    fixture.clock.setBack(KEPT_MS / 2);
    const restarted = fixture.killed();
    restarted.namespace.file("after");
    expect(kindOf(() => restarted.after(watcher))).toBe("stale");
  });
});

describe("the record of changes", () => {
  test("goes on after a restart, for who comes back", async () => {
    const fixture = new Fixture();
    const watcher = new Watcher(fixture.store);
    fixture.namespace.file("seen");
    watcher.told();
    fixture.namespace.file("missed");
    watcher.leave();
    const next = await fixture.reopened();
    next.namespace.file("new");
    expect(next.after(watcher)).toStrictEqual(["created /missed", "created /new"]);
  });

  test("survives a kill with what it tells of, nothing twice", () => {
    const fixture = new Fixture();
    const watcher = new Watcher(fixture.store);
    fixture.namespace.file("committed");
    fixture.store.commit();
    fixture.namespace.file("acknowledged");
    fixture.store.recordActivity([{ ino: ROOT_INO, mtime: at(2) }]);
    const ino = fixture.namespace.file("written");
    for (const sec of [3, 4, 5]) fixture.store.recordActivity([{ ino, mtime: at(sec) }]);
    const expected = fixture.after(watcher);
    expect(expected).toHaveLength(4);
    const next = fixture.killed();
    expect(next.after(watcher)).toStrictEqual(expected);
    // Whoever watched when the process died has an hour from the next start.
    next.clock.advance(KEPT_MS - 1000);
    next.namespace.file("new");
    expect(next.after(watcher)).toStrictEqual([...expected, "created /new"]);
    next.clock.advance(2000);
    next.namespace.file("too late");
    expect(kindOf(() => next.after(watcher))).toBe("stale");
  });

  test("survives a kill at any fraction of a millisecond", () => {
    const fixture = new Fixture();
    const watcher = new Watcher(fixture.store);
    fixture.namespace.file("missed");
    fixture.clock.advance(0.123456);
    const next = fixture.killed();
    next.namespace.file("new");
    expect(next.after(watcher)).toStrictEqual(["created /missed", "created /new"]);
  });

  test("that nobody came back for is gone at the next start", async () => {
    const fixture = new Fixture();
    const watcher = new Watcher(fixture.store);
    fixture.namespace.file("file");
    watcher.leave();
    fixture.clock.advance(KEPT_MS + 1);
    const next = await fixture.reopened();
    next.clock.advance(1000);
    expect(next.rows).toBe(1);
  });

  test("means nothing in another store", () => {
    const [one, two] = [new Fixture(), new Fixture()];
    const watcher = new Watcher(one.store);
    new Watcher(two.store);
    expect(kindOf(() => two.after(watcher))).toBe("stale");
  });

  test("that lost its end to a power failure isn't gone on with", () => {
    const fixture = new Fixture();
    const watcher = new Watcher(fixture.store);
    const before = fixture.killed();
    fixture.namespace.file("lost");
    watcher.told();
    expect(kindOf(() => before.after(watcher))).toBe("stale");
    fixture.clock.advance(1000);
    before.namespace.file("another one of the same number");
    expect(kindOf(() => before.after(watcher))).toBe("stale");
  });

  test("keeps no change for much longer than an hour, in small steps", () => {
    const fixture = new Fixture();
    const watcher = new Watcher(fixture.store);
    const first = watcher.position;
    for (let index = 0; index < 2500; index += 1) fixture.namespace.file(`old${index}`);
    watcher.told();
    fixture.clock.advance(KEPT_MS + 1000);
    for (let index = 0; index < 1000; index += 1) fixture.namespace.file(`new${index}`);
    // A cursor whose later changes are all there is still good.
    expect(fixture.after(watcher)).toHaveLength(1000);
    fixture.clock.advance(0);
    expect(fixture.rows).toBe(2501);
    fixture.clock.advance(1000);
    expect(fixture.rows).toBe(1000);
    expect(fixture.clock.waiting).toBe(0);
    expect(fixture.after(watcher)).toHaveLength(1000);
    watcher.position = first;
    expect(kindOf(() => fixture.after(watcher))).toBe("stale");
  });

  test("keeps no more than its number", async () => {
    const fixture = new Fixture();
    const watcher = new Watcher(fixture.store);
    await fixture.close();
    const database = new Database(join(fixture.dataDir, "metadata.db"));
    database
      .prepare(
        `WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?)
         INSERT INTO changes (at_sec, at_nsec, kind, ino, type, path)
         SELECT at_sec, at_nsec, 'attributes', 1, 4, '/' FROM n JOIN changes ON seq = 1`,
      )
      .run(MOST_KEPT - 1);
    database.close();
    const next = new Fixture({ dataDir: fixture.dataDir, clock: fixture.clock });
    expect(next.after(watcher)).toHaveLength(1000);
    for (let index = 0; index < 1000; index += 1) next.namespace.file(`file${index}`);
    next.clock.advance(10_000);
    expect(next.rows).toBe(MOST_KEPT);
    expect(kindOf(() => next.after(watcher))).toBe("stale");
  });

  test("of a file that is written all the time takes no room of others", () => {
    const fixture = new Fixture();
    const watcher = new Watcher(fixture.store);
    const ino = fixture.namespace.file("file");
    for (let sec = 0; sec < 5000; sec += 1) fixture.store.recordActivity([{ ino, mtime: at(sec) }]);
    fixture.clock.advance(10_000);
    expect(fixture.rows).toBe(3);
    expect(fixture.after(watcher)).toStrictEqual(["created /file", "modified /file"]);
  });
});
