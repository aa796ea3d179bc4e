import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";
import { ROOT_INO } from "../../../../src/model/ids.js";
import { bytesOfLength } from "../../../support/bytes.js";
import { afterKill } from "../../../support/crash.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { recordingLogger } from "../../../support/silent-logger.js";
import { openMetadataStore } from "../../../support/stores.js";
import { testDir } from "../../../support/temp-dir.js";
import { at, contentOf, Namespace } from "../fixture.js";
import { brokenInvariants } from "../invariants.js";

// The process dies, and a new one opens what it left: all that was acknowledged is there.

const clock = new FakeClock();

function open(dataDir: string): Namespace {
  const store = openMetadataStore(dataDir, { clock, scheduler: clock });
  onTestFinished(() => store.close());
  return new Namespace(store);
}

/** A namespace that has work in all stages: synced, committed, acknowledged. */
function busy(): { dataDir: string; namespace: Namespace } {
  const dataDir = testDir();
  const namespace = open(dataDir);
  namespace.file("committed");
  namespace.store.commit();
  namespace.file("acknowledged");
  return { dataDir, namespace };
}

function restartedAfterKill(dataDir: string): Namespace {
  return open(afterKill(dataDir));
}

describe("after a kill", () => {
  test("what was committed is there, and so is what was only acknowledged", () => {
    const { dataDir } = busy();
    const namespace = restartedAfterKill(dataDir);
    expect(namespace.names()).toStrictEqual(["committed", "acknowledged"]);
  });

  test("a store that was never committed at all comes back whole", () => {
    const dataDir = testDir();
    const namespace = open(dataDir);
    const ino = namespace.file("file", { now: at(5, 6) });
    const row = namespace.row(ino);
    expect(restartedAfterKill(dataDir).row(ino)).toStrictEqual(row);
  });

  test("text, bytes and large values come back as they were", () => {
    const dataDir = testDir();
    const { store } = open(dataDir);
    const values: Uint8Array[] = [Buffer.from("päth\n🙂"), Buffer.from([0, 255]), Buffer.alloc(0)];
    for (let size = 1; size <= 4; size++) values.push(bytesOfLength(size * 500_000, size));
    const attribute = (index: number) =>
      ({ ino: ROOT_INO, family: "system", key: `trusted.${index}` }) as const;
    for (const [index, value] of values.entries()) {
      store.setAttribute({ ...attribute(index), value, mode: "create", now: at(1) });
    }
    const restarted = restartedAfterKill(dataDir).store;
    for (const [index, value] of values.entries()) {
      const read = Buffer.from(restarted.getAttribute(attribute(index)) ?? []);
      expect(read.equals(value)).toBe(true);
    }
  });

  test("work goes on where it stopped, and survives the next kill, too", () => {
    let { dataDir } = busy();
    const names = ["committed", "acknowledged"];
    for (let life = 1; life <= 4; life++) {
      dataDir = afterKill(dataDir);
      const namespace = open(dataDir);
      expect(namespace.names()).toStrictEqual(names);
      for (let index = 0; index < life; index++) {
        names.push(`life ${life} file ${index}`);
        namespace.file(`life ${life} file ${index}`);
      }
      if (life % 2 === 0) namespace.store.commit();
    }
    expect(restartedAfterKill(dataDir).names()).toStrictEqual(names);
  });

  test("a kill while the last one was being mended changes nothing", () => {
    const { dataDir } = busy();
    const again = afterKill(afterKill(dataDir));
    const namespace = open(again);
    expect(restartedAfterKill(again).names()).toStrictEqual(namespace.names());
  });

  test("references, links and orphans are as they were acknowledged", async () => {
    const dataDir = testDir();
    const namespace = open(dataDir);
    const [one, two] = [namespace.file("one"), namespace.file("two")];
    for (const ino of [one, two]) namespace.seal(ino, contentOf("a"));
    namespace.store.link({ ino: one, parent: ROOT_INO, name: "link", now: at(1) });
    namespace.unlink("two");
    namespace.rename("one", "three", { whiteout: { uid: 0, gid: 0 } });

    const killed = afterKill(dataDir);
    const restarted = openMetadataStore(killed, { clock, scheduler: clock });
    expect(restarted.orphans()).toStrictEqual([two]);
    expect(restarted.describe(one)).toMatchObject({ refCount: 2 });
    expect(restarted.getattr(one)?.nlink).toBe(2);
    await restarted.close();
    expect(brokenInvariants(killed)).toStrictEqual({});
  });

  test("no number is given that the dead process gave", () => {
    const { dataDir, namespace } = busy();
    const given = Array.from({ length: 50 }, () => namespace.store.nextId());
    const next = restartedAfterKill(dataDir).store.nextId();
    expect(next).toBeGreaterThan(given.at(-1) ?? 0);
  });

  test("the log says how much was brought back; nothing after an ordinary end", async () => {
    const { dataDir, namespace } = busy();
    const { logger, lines } = recordingLogger();
    const killed = afterKill(dataDir);
    const store = openMetadataStore(killed, { clock, scheduler: clock, logger });
    expect(lines).toMatchObject([{ operations: 1 }]);
    await store.close();
    lines.length = 0;
    const again = openMetadataStore(killed, { clock, scheduler: clock, logger });
    expect(lines).toStrictEqual([]);
    await again.close();
    expect(namespace.names()).toHaveLength(2);
  });
});

describe("with a journal that isn't what it should be", () => {
  const journalOf = (dataDir: string) => join(dataDir, "metadata.journal");

  test("a torn end costs what wasn't acknowledged, and nothing else", () => {
    const { dataDir, namespace } = busy();
    namespace.file("torn");
    const killed = afterKill(dataDir);
    const journal = readFileSync(journalOf(killed));
    const second = 24 + journal.readUInt32LE(0);
    truncateSync(journalOf(killed), second + 30);
    const names = open(killed).names();
    expect(names).toStrictEqual(["committed", "acknowledged"]);
  });

  test.each([
    ["gone", undefined],
    ["empty", Buffer.alloc(0)],
    ["noise", bytesOfLength(100_000)],
  ])("%s, the database decides", (_, bytes) => {
    const { dataDir } = busy();
    const killed = afterKill(dataDir);
    if (bytes === undefined) truncateSync(journalOf(killed));
    else writeFileSync(journalOf(killed), bytes);
    const namespace = open(killed);
    expect(namespace.names()).toStrictEqual(["committed"]);
    namespace.file("new");
    expect(restartedAfterKill(killed).names()).toStrictEqual(["committed", "new"]);
  });

  test("one of an older batch is ignored: it is in the database already", () => {
    const { dataDir, namespace } = busy();
    const old = readFileSync(journalOf(dataDir));
    namespace.store.commit();
    namespace.unlink("acknowledged");
    namespace.store.commit();
    const killed = afterKill(dataDir);
    writeFileSync(journalOf(killed), old);
    expect(open(killed).names()).toStrictEqual(["committed"]);
  });

  test("one of another database is ignored, even if both count the same batch", async () => {
    const { dataDir } = busy();
    const foreign = testDir();
    const other = open(foreign);
    for (let round = 0; round < 3; round++) {
      other.file(`theirs ${round}`);
      other.store.commit();
    }
    // Bring both to the same batch, then let the other one die with work in its journal.
    const mine = new Namespace(openMetadataStore(afterKill(dataDir), { clock, scheduler: clock }));
    await mine.store.close();
    other.file("theirs, in the journal");
    const batchOf = (directory: string) => {
      const database = new Database(join(directory, "metadata.db"));
      const batch = database.prepare("SELECT batch FROM store_state").pluck().get() as number;
      database.close();
      return batch;
    };
    const killed = afterKill(foreign);
    const target = afterKill(dataDir);
    const database = new Database(join(target, "metadata.db"));
    database.prepare("UPDATE store_state SET batch = ?").run(batchOf(killed));
    database.close();
    writeFileSync(journalOf(target), readFileSync(journalOf(killed)));
    expect(open(target).names()).not.toContain("theirs, in the journal");
  });

  test("one that can't be replayed refuses to open, and says so, instead of losing it", () => {
    const { dataDir } = busy();
    const killed = afterKill(dataDir);
    // Somebody added a rule, by SQL, before the store was opened again.
    const database = new Database(join(killed, "metadata.db"));
    database.exec(
      "CREATE TRIGGER no_more BEFORE INSERT ON inodes BEGIN SELECT RAISE(ABORT, 'no more'); END",
    );
    database.close();
    expect(() => openMetadataStore(killed, { clock, scheduler: clock })).toThrow();
    const repaired = new Database(join(killed, "metadata.db"));
    repaired.exec("DROP TRIGGER no_more");
    repaired.close();
    expect(open(killed).names()).toStrictEqual(["committed", "acknowledged"]);
  });
});
