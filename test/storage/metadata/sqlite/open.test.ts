import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";
import { ROOT_INO } from "../../../../src/model/ids.js";
import { MIGRATIONS } from "../../../../src/storage/metadata/migrations/index.js";
import { migrate, openDatabase } from "../../../../src/storage/metadata/sqlite/open-database.js";
import { bytesOfLength } from "../../../support/bytes.js";
import { kindOf, messageThrown } from "../../../support/error-kind.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { openMetadataStore } from "../../../support/stores.js";
import { testDir } from "../../../support/temp-dir.js";
import { Namespace } from "../fixture.js";

const NEWEST = MIGRATIONS.at(-1)?.version ?? 0;

function open(dataDir: string) {
  const clock = new FakeClock();
  return openMetadataStore(dataDir, { clock, scheduler: clock });
}

/** Changes the database of a data directory as another program would. */
function execute(dataDir: string, sql: string): void {
  const database = new Database(join(dataDir, "metadata.db"));
  database.exec(sql);
  database.close();
}

function openFilesIn(directory: string): string[] {
  const targets = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return "";
    }
  });
  return targets.filter((target) => target.startsWith(directory));
}

describe("opening a database", () => {
  test("of a newer version is refused, with a message that says what to do", async () => {
    const dataDir = testDir();
    await open(dataDir).close();
    execute(dataDir, `PRAGMA user_version = ${NEWEST + 1}`);
    const before = readFileSync(join(dataDir, "metadata.db"));

    expect(kindOf(() => open(dataDir))).toBe("not-supported");
    const message = messageThrown(() => open(dataDir)) ?? "";
    expect(message).toContain(join(dataDir, "metadata.db"));
    expect(message).toMatch(new RegExp(`${NEWEST + 1}.*${NEWEST}.*newer nexus-mount`));
    expect(readFileSync(join(dataDir, "metadata.db")).equals(before)).toBe(true);
  });

  test.each([0, 1, NEWEST, NEWEST + 1, 17])(
    "of another program is corrupt and stays untouched, whatever its user_version: %i",
    (version) => {
      const dataDir = testDir();
      execute(dataDir, `CREATE TABLE theirs (x); PRAGMA user_version = ${version}`);
      const before = readFileSync(join(dataDir, "metadata.db"));
      expect(kindOf(() => open(dataDir))).toBe("corrupt");
      expect(messageThrown(() => open(dataDir))).toContain("another program");
      expect(readFileSync(join(dataDir, "metadata.db")).equals(before)).toBe(true);
    },
  );

  test.each([
    ["text", Buffer.from("this is a text, and no database at all\n".repeat(200))],
    ["noise", bytesOfLength(100_000)],
    [
      "a database with a damaged header",
      Buffer.concat([Buffer.from("SQLite format 3\0"), bytesOfLength(9000)]),
    ],
  ])("that is %s is corrupt, and stays untouched", (_, bytes) => {
    const dataDir = testDir();
    const path = join(dataDir, "metadata.db");
    writeFileSync(path, bytes);
    expect(kindOf(() => open(dataDir))).toBe("corrupt");
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  test("that is an empty file makes a new store", async () => {
    const dataDir = testDir();
    writeFileSync(join(dataDir, "metadata.db"), "");
    const store = open(dataDir);
    expect(store.getattr(ROOT_INO)).toMatchObject({ nlink: 2 });
    await store.close();
  });

  test("in a directory that isn't there is io-failure, and the message has the path", () => {
    const dataDir = join(testDir(), "none");
    expect(kindOf(() => open(dataDir))).toBe("io-failure");
    expect(messageThrown(() => open(dataDir))).toContain(dataDir);
  });

  test("that is a directory is io-failure", () => {
    const dataDir = testDir();
    mkdirSync(join(dataDir, "metadata.db"));
    expect(kindOf(() => open(dataDir))).toBe("io-failure");
  });

  test("twice: the second one gets the lock only between the writes of the first", async () => {
    const dataDir = testDir();
    await open(dataDir).close();
    const other = new Database(join(dataDir, "metadata.db"));
    onTestFinished(() => {
      other.close();
    });
    other.exec("BEGIN EXCLUSIVE");
    expect(kindOf(() => open(dataDir))).toBe("busy");
    other.exec("ROLLBACK");
    await open(dataDir).close();
  });
});

describe("a store that can't be opened", () => {
  const causes: Record<string, (dataDir: string) => void> = {
    "its journal is a directory": (dataDir) => mkdirSync(join(dataDir, "metadata.journal")),
    "its database is a newer version's": (dataDir) =>
      execute(dataDir, "PRAGMA user_version = 1000"),
    "it can't be written": (dataDir) =>
      execute(
        dataDir,
        "CREATE TRIGGER no BEFORE UPDATE ON store_state BEGIN SELECT RAISE(ABORT, 'no'); END; DELETE FROM inodes",
      ),
  };
  test.each(Object.entries(causes))(
    "because %s leaves no file open, and no task waiting",
    async (_, cause) => {
      const dataDir = testDir();
      await open(dataDir).close();
      if (_.startsWith("its journal")) {
        const { rmSync } = await import("node:fs");
        rmSync(join(dataDir, "metadata.journal"));
      }
      cause(dataDir);
      const clock = new FakeClock();
      const attempt = () => openMetadataStore(dataDir, { clock, scheduler: clock });
      expect(attempt).toThrow();
      expect(openFilesIn(dataDir)).toStrictEqual([]);
      expect(clock.waiting).toBe(0);
    },
  );
});

describe("a store that is open, and closed", () => {
  test("keeps no file open after close, and no task waiting", async () => {
    const dataDir = testDir();
    const clock = new FakeClock();
    const store = openMetadataStore(dataDir, { clock, scheduler: clock });
    new Namespace(store).file("file");
    expect(openFilesIn(dataDir)).not.toStrictEqual([]);
    await store.close();
    expect(openFilesIn(dataDir)).toStrictEqual([]);
    expect(clock.waiting).toBe(0);
    expect(readdirSync(dataDir).sort()).toStrictEqual([
      "metadata.db",
      "metadata.journal",
      "metadata.reserve",
    ]);
  });

  test("lets nobody else read the journal and the database", async () => {
    const dataDir = testDir();
    const store = open(dataDir);
    new Namespace(store).file("file");
    store.commit();
    for (const name of readdirSync(dataDir)) {
      expect([name, statSync(join(dataDir, name)).mode & 0o077]).toStrictEqual([name, 0]);
    }
    await store.close();
  });
});

test("each start has a number of its own for its journal", async () => {
  const dataDir = testDir();
  const numbers = new Set<unknown>();
  for (let start = 0; start < 3; start++) {
    await open(dataDir).close();
    const database = new Database(join(dataDir, "metadata.db"));
    numbers.add(database.prepare("SELECT number FROM store_state").pluck().get());
    database.close();
  }
  expect(numbers.size).toBe(3);
});

describe("migrations", () => {
  function schemaOf(database: Database.Database): unknown {
    return database.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY name").all();
  }

  test("bring a new database to the newest version, and do nothing the second time", () => {
    const path = join(testDir(), "metadata.db");
    const database = openDatabase({ path, cacheSizeMb: 1 });
    migrate(database);
    const schema = schemaOf(database);
    expect(database.pragma("user_version", { simple: true })).toBe(NEWEST);
    migrate(database);
    expect(schemaOf(database)).toStrictEqual(schema);
    database.close();

    const again = openDatabase({ path, cacheSizeMb: 1 });
    migrate(again);
    expect(schemaOf(again)).toStrictEqual(schema);
    again.close();
  });

  test("have versions that count up from 1", () => {
    const versions = MIGRATIONS.map(({ version }) => version);
    expect(versions).toStrictEqual(versions.map((_, index) => index + 1));
  });

  test("one that fails leaves the database as it was", () => {
    const path = join(testDir(), "metadata.db");
    const database = openDatabase({ path, cacheSizeMb: 1 });
    database.exec("CREATE TABLE symlinks (in_the_way)");
    expect(() => migrate(database)).toThrow();
    expect(database.pragma("user_version", { simple: true })).toBe(0);
    expect(schemaOf(database)).toHaveLength(1);
    database.exec("DROP TABLE symlinks");
    migrate(database);
    expect(database.pragma("user_version", { simple: true })).toBe(NEWEST);
    database.close();
  });
});
