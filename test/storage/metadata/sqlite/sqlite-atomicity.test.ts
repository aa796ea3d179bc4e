import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";
import { ROOT_INO } from "../../../../src/model/ids.js";
import { afterKill } from "../../../support/crash.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { openMetadataStore } from "../../../support/stores.js";
import { testDir } from "../../../support/temp-dir.js";
import { at, contentOf, hashOf, Namespace } from "../fixture.js";
import { brokenInvariants } from "../invariants.js";

// Operations that fail half-way. Triggers, made on the side, are what fails: ABORT undoes the statement
// that it stops, ROLLBACK all of the transaction, as SQLite itself does when it runs out of memory or
// its disk fails (https://www.sqlite.org/lang_transaction.html, "automatic rollback").

type Conflict = "ABORT" | "ROLLBACK";

class Sabotaged {
  readonly dataDir = testDir();
  readonly clock = new FakeClock();
  readonly namespace: Namespace;

  constructor() {
    this.namespace = new Namespace(this.open(this.dataDir));
    onTestFinished(() => this.namespace.store.close());
  }

  open(dataDir: string) {
    return openMetadataStore(dataDir, { clock: this.clock, scheduler: this.clock });
  }

  /** From now on this statement fails where the condition holds. */
  fail(statement: string, { when, how = "ABORT" }: { when: string; how?: Conflict }): void {
    this.namespace.store.commit();
    this.#execute(
      `CREATE TRIGGER sabotage BEFORE ${statement} WHEN ${when}
       BEGIN SELECT RAISE(${how}, 'sabotage'); END`,
    );
  }

  repair(): void {
    this.namespace.store.commit();
    this.#execute("DROP TRIGGER sabotage");
  }

  /** What a new process finds after this one was killed. */
  async restarted(): Promise<Namespace> {
    const dataDir = afterKill(this.dataDir);
    const store = this.open(dataDir);
    await store.close();
    expect(brokenInvariants(dataDir)).toStrictEqual({});
    const again = this.open(dataDir);
    onTestFinished(() => again.close());
    return new Namespace(again);
  }

  #execute(sql: string): void {
    const database = new Database(join(this.dataDir, "metadata.db"));
    database.exec(sql);
    database.close();
  }
}

/** A statement of the operation that is not its first one. */
const LATE: Record<string, { statement: string; when: string; run: (of: Namespace) => unknown }> = {
  create: {
    statement: "INSERT ON inodes",
    when: "NEW.uid = 4242",
    run: (namespace) => namespace.file("new", { uid: 4242, now: at(9) }),
  },
  link: {
    statement: "UPDATE OF nlink ON inodes",
    when: "OLD.ino = 1 AND NEW.mtime_sec = 9",
    run: ({ store }) => {
      const ino = store.lookup({ parent: ROOT_INO, name: "file" })?.ino;
      return ino && store.link({ ino, parent: ROOT_INO, name: "new", now: at(9) });
    },
  },
  unlink: {
    statement: "UPDATE OF nlink ON inodes",
    when: "NEW.nlink = 0",
    run: (namespace) => namespace.unlink("file", { now: at(9) }),
  },
  rename: {
    statement: "UPDATE OF mime_type ON inodes",
    when: "NEW.mime_type = 'x/y'",
    run: (namespace) => namespace.rename("file", "other", { newMimeType: "x/y", now: at(9) }),
  },
  setattr: {
    statement: "UPDATE OF staging_id ON inodes",
    when: "NEW.staging_id = 99",
    run: ({ store }) => {
      const ino = store.lookup({ parent: ROOT_INO, name: "file" })?.ino;
      return ino && store.setattr({ ino, uid: 5, now: at(9), stagingId: 99 as never });
    },
  },
  "a batch of commits": {
    statement: "INSERT ON contents",
    when: "NEW.size_bytes = 777",
    run: (namespace) => {
      const { store } = namespace;
      const commits = ["file", "other"].map((name, index) => {
        const ino = store.lookup({ parent: ROOT_INO, name })?.ino ?? ROOT_INO;
        const content = contentOf("b", index === 1 ? 777 : 10);
        return { ino, stagingId: namespace.stage(ino), ...content, now: at(9) };
      });
      return store.commitContents(
        commits.map((commit, i) => (i === 1 ? { ...commit, hash: hashOf("c") } : commit)),
      );
    },
  },
};

/** A file with a content, and another one: acknowledged, and not committed yet. */
function prepare(namespace: Namespace): void {
  namespace.seal(namespace.file("file", { uid: 1 }), contentOf("a"));
  namespace.file("other");
}

function stateOf(namespace: Namespace): unknown {
  const entries = namespace.store.readdirPlus({ ino: ROOT_INO, after: 0, limit: 100 });
  const descriptions = entries.map(({ ino }) => namespace.store.describe(ino));
  const contents = namespace.store.unreferencedContents();
  return { entries, descriptions, contents, root: namespace.row(ROOT_INO) };
}

describe.each(["ABORT", "ROLLBACK"] as const)("when SQLite answers a statement with %s", (how) => {
  test.each(Object.entries(LATE))(
    "%s leaves no trace, and what came before stays",
    async (_, late) => {
      const sabotaged = new Sabotaged();
      const { namespace } = sabotaged;
      sabotaged.fail(late.statement, { when: late.when, how });
      prepare(namespace);
      const before = stateOf(namespace);

      expect(() => late.run(namespace)).toThrow();
      expect(stateOf(namespace)).toStrictEqual(before);
      const restarted = await sabotaged.restarted();
      expect(stateOf(restarted)).toStrictEqual(before);
    },
  );

  test("an operation that fails at once takes nothing of the others with it", async () => {
    const sabotaged = new Sabotaged();
    const { namespace } = sabotaged;
    sabotaged.fail("INSERT ON dentries", { when: "NEW.name = 'bad'", how });
    prepare(namespace);
    const before = stateOf(namespace);

    expect(() => namespace.file("bad")).toThrow();
    expect(stateOf(namespace)).toStrictEqual(before);
    namespace.store.commit();
    const restarted = await sabotaged.restarted();
    expect(stateOf(restarted)).toStrictEqual(before);
  });

  test("the store goes on as if nothing had happened", async () => {
    const sabotaged = new Sabotaged();
    const { namespace } = sabotaged;
    sabotaged.fail("INSERT ON inodes", { when: "NEW.uid = 4242", how });
    for (let round = 0; round < 5; round++) {
      namespace.file(`before ${round}`);
      expect(() => namespace.file("bad", { uid: 4242 })).toThrow();
      namespace.file(`after ${round}`);
    }
    const names = Array.from({ length: 5 }, (_, round) => [
      `before ${round}`,
      `after ${round}`,
    ]).flat();
    expect(namespace.names()).toStrictEqual(names);
    expect((await sabotaged.restarted()).names()).toStrictEqual(names);
    sabotaged.repair();
    namespace.file("bad", { uid: 4242 });
    expect(namespace.names()).toStrictEqual([...names, "bad"]);
  });
});

test("an operation on a directory that was removed leaves no trace either", async () => {
  const sabotaged = new Sabotaged();
  const { namespace } = sabotaged;
  const gone = namespace.directory("gone");
  const file = namespace.file("file");
  namespace.store.rmdir({ parent: ROOT_INO, name: "gone", now: at(1) });
  expect(() => namespace.file("x", { parent: gone })).toThrow();
  expect(() => namespace.store.link({ ino: file, parent: gone, name: "x", now: at(1) })).toThrow();
  expect(() => namespace.rename("file", "x", { newParent: gone })).toThrow();
  const restarted = await sabotaged.restarted();
  expect(restarted.names()).toStrictEqual(["file"]);
  expect(restarted.names(gone)).toStrictEqual([]);
});
