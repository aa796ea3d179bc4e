import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";
import { NexusError } from "../../../../src/model/errors.js";
import { DatabasePlace } from "../../../../src/storage/metadata/sqlite/database-place.js";
import { Journal, type JournalEntry } from "../../../../src/storage/metadata/sqlite/journal.js";
import { Recording } from "../../../../src/storage/metadata/sqlite/recording.js";
import { SqliteEngine } from "../../../../src/storage/metadata/sqlite/sqlite-engine.js";
import {
  all,
  command,
  integer,
  query,
  run,
  type Script,
  text,
} from "../../../../src/storage/metadata/statement.js";
import { kindOf } from "../../../support/error-kind.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { recordingLogger } from "../../../support/silent-logger.js";
import { testDir } from "../../../support/temp-dir.js";

// The engine on a table of its own, with a journal that fails when told to.

const SCHEMA = `
  CREATE TABLE store_state (id INTEGER PRIMARY KEY, next_id INTEGER NOT NULL, batch INTEGER NOT NULL) STRICT;
  INSERT INTO store_state VALUES (1, 3, 0);
  CREATE TABLE words (word TEXT PRIMARY KEY, length INTEGER NOT NULL ON CONFLICT FAIL) STRICT, WITHOUT ROWID;`;
const INSERT = command("INSERT INTO words (word, length) VALUES (?, ?)");
/** Fails at the first word of four letters, with the words before it changed. */
const DOUBLE = command(
  "UPDATE words SET length = CASE length WHEN 4 THEN NULL ELSE 2 * length END",
);
const WORDS = query("SELECT word, length FROM words ORDER BY word");

function* put(...words: string[]): Script<void> {
  for (const word of words) yield* run(INSERT, word, word.length);
}

function* putThenFail(word: string): Script<void> {
  yield* put(word);
  throw new NexusError("not-found", "changed my mind");
}

function* double(): Script<void> {
  yield* run(DOUBLE);
}

function* words(): Script<string[]> {
  const rows = yield* all(WORDS);
  return rows.map((row) => `${text(row, 0)} ${integer(row, 1)}`);
}

class FragileJournal extends Journal {
  failAppend: NexusError | undefined;
  onReplay: (() => void) | undefined;

  override append(entries: readonly JournalEntry[]): void {
    if (this.failAppend !== undefined) throw this.failAppend;
    super.append(entries);
  }

  override replay(batch: number): JournalEntry[][] {
    this.onReplay?.();
    return super.replay(batch);
  }
}

class Fixture {
  readonly path = join(testDir(), "words.db");
  readonly clock = new FakeClock();
  readonly database = new Database(this.path, { timeout: 10 });
  readonly journal = new FragileJournal(`${this.path}-journal-of-ours`, { storeNumber: 1 });
  commits = 0;
  readonly log = recordingLogger();
  readonly engine: SqliteEngine;

  constructor() {
    this.database.pragma("journal_mode = WAL");
    this.database.exec(SCHEMA);
    this.engine = new SqliteEngine({
      database: this.database,
      place: new DatabasePlace(this.path),
      journal: this.journal,
      clock: this.clock,
      scheduler: this.clock,
      logger: this.log.logger,
      recording: new Recording({ clock: this.clock }),
      onCommit: () => {
        this.commits += 1;
      },
      makeRoom: () => false,
    });
    onTestFinished(() => {
      this.database.close();
      this.journal.close();
    });
  }

  /** What another program sees: what is committed. */
  get committed(): string[] {
    const other = new Database(this.path, { readonly: true });
    const rows = other.prepare("SELECT word FROM words ORDER BY word").pluck().all() as string[];
    other.close();
    return rows;
  }

  get here(): string[] {
    return this.engine.read(words());
  }
}

describe("an operation that throws", () => {
  test("is undone, with an error of its own kind", () => {
    const { engine, here } = prepared();
    expect(kindOf(() => engine.write(putThenFail("no")))).toBe("not-found");
    expect(engine.read(words())).toStrictEqual(here);
  });

  test("is undone statement by statement: also those that succeeded", () => {
    const { engine, here } = prepared();
    expect(kindOf(() => engine.write(put("new", "yes")))).toBeDefined();
    expect(engine.read(words())).toStrictEqual(here);
  });

  test("is undone also when its first statement fails with a part of it done", () => {
    const { engine } = prepared();
    engine.write(put("a", "bb", "four"));
    const before = engine.read(words());
    expect(kindOf(() => engine.write(double()))).toBeDefined();
    expect(engine.read(words())).toStrictEqual(before);
  });

  test("is undone when the journal can't take it: what isn't written down didn't happen", () => {
    const fixture = prepared();
    const { engine, journal, here } = fixture;
    journal.failAppend = new NexusError("no-space", "the disk is full");
    expect(kindOf(() => engine.write(put("no")))).toBe("no-space");
    expect(engine.read(words())).toStrictEqual(here);
    journal.failAppend = undefined;
    engine.write(put("later"));
    engine.commit();
    expect(fixture.committed).toStrictEqual(["later", "yes"]);
  });
});

describe("a database that is full in the middle of a transaction", () => {
  // SQLite rolls back all of the transaction then, not only the statement.
  test("keeps what was acknowledged before, here and for others", () => {
    const fixture = new Fixture();
    const { engine, database } = fixture;
    const pages = database.pragma("page_count", { simple: true }) as number;
    engine.write(put("one"));
    database.pragma(`max_page_count = ${pages + 1}`);
    const big = (letter: string) => letter.repeat(20_000);
    expect(kindOf(() => engine.write(put(big("x"))))).toBe("no-space");
    expect(fixture.here).toStrictEqual(["one 3"]);
    engine.write(put("two"));
    expect(fixture.here).toStrictEqual(["one 3", "two 3"]);
    engine.commit();
    expect(fixture.committed).toStrictEqual(["one", "two"]);
    database.pragma("max_page_count = 10000");
    engine.write(put("three"));
    engine.commit();
    expect(fixture.committed).toStrictEqual(["one", "three", "two"]);
  });
});

describe("when the transaction can't be begun anew after an undo", () => {
  /** Another program takes the lock just between the rollback and the replay. */
  function seized(): { fixture: Fixture; other: Database.Database } {
    const fixture = prepared();
    const other = new Database(fixture.path);
    onTestFinished(() => {
      other.close();
    });
    fixture.journal.onReplay = () => {
      fixture.journal.onReplay = undefined;
      other.exec("BEGIN IMMEDIATE");
    };
    return { fixture, other };
  }

  test("the store is usable again as soon as the other program lets go", () => {
    const { fixture, other } = seized();
    const { engine } = fixture;
    expect(() => engine.write(putThenFail("no"))).toThrow();
    other.exec("ROLLBACK");
    engine.write(put("later"));
    expect(fixture.here).toStrictEqual(["later 5", "yes 3"]);
    engine.commit();
    expect(fixture.committed).toStrictEqual(["later", "yes"]);
  });
});

describe("when what was acknowledged can't be brought back", () => {
  test("nothing pretends to work from then on: neither reads, nor writes, nor a commit", () => {
    const { engine, journal, log } = prepared();
    journal.onReplay = () => {
      throw new NexusError("io-failure", "the journal can't be read");
    };
    expect(() => engine.write(putThenFail("no"))).toThrow();
    expect(kindOf(() => engine.read(words()))).toBe("io-failure");
    expect(kindOf(() => engine.write(put("x")))).toBe("io-failure");
    // fsync(2) asks for a commit; to answer that with success would lose "yes" at a power failure.
    expect(kindOf(() => engine.commit())).toBe("io-failure");
    expect(log.lines.some(({ level }) => level >= 60)).toBe(true);
  });
});

describe("sharing a transaction", () => {
  test("it is committed when it was quiet for some milliseconds", () => {
    const fixture = new Fixture();
    fixture.engine.write(put("one"));
    expect(fixture.committed).toStrictEqual([]);
    fixture.clock.advance(10);
    expect(fixture.committed).toStrictEqual(["one"]);
    expect(fixture.clock.waiting).toBe(0);
  });

  test("under constant load it is committed all the same, after a while", () => {
    const fixture = new Fixture();
    for (let ms = 0; ms < 100; ms++) {
      fixture.engine.write(put(`word ${ms}`));
      fixture.clock.advance(1);
    }
    expect(fixture.committed.length).toBeGreaterThanOrEqual(45);
    expect(fixture.commits).toBeLessThanOrEqual(3);
  });

  test("and when much is at stake: many operations, or large ones", () => {
    const fixture = new Fixture();
    for (let count = 0; count < 999; count++) fixture.engine.write(put(`word ${count}`));
    expect(fixture.commits).toBe(0);
    fixture.engine.write(put("the thousandth"));
    expect(fixture.commits).toBe(1);
    expect(fixture.committed).toHaveLength(1000);
    fixture.engine.write(put("x".repeat(2 * 1024 * 1024)));
    expect(fixture.commits).toBe(2);
    expect(fixture.committed).toHaveLength(1001);
  });

  test("a transaction that only read isn't told of, and an operation that changed nothing isn't kept", () => {
    const fixture = new Fixture();
    fixture.engine.read(words());
    fixture.engine.commit();
    fixture.engine.write(put());
    fixture.engine.commit();
    expect(fixture.commits).toBe(0);
    expect(fixture.clock.waiting).toBe(0);
  });

  test("what another program wrote meanwhile is seen, also by a write after a read", () => {
    const fixture = new Fixture();
    expect(fixture.here).toStrictEqual([]);
    const other = new Database(fixture.path);
    other.exec("INSERT INTO words VALUES ('theirs', 6)");
    other.close();
    fixture.engine.write(put("ours"));
    expect(fixture.here).toStrictEqual(["ours 4", "theirs 6"]);
  });
});

/** "yes" is acknowledged, and not committed. */
function prepared(): Fixture {
  const fixture = new Fixture();
  fixture.engine.write(put("yes"));
  return fixture;
}
