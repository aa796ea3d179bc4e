import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { type Ino, ROOT_INO } from "../../../src/model/ids.js";
import { Paths } from "../../../src/storage/metadata/check/paths.js";
import { repairDatabase } from "../../../src/storage/metadata/check/repair-database.js";
import { kindOf } from "../../support/error-kind.js";
import { openMetadataStore, openNexus } from "../../support/stores.js";
import { testDir } from "../../support/temp-dir.js";
import { Jobs } from "./contract/work-fixture.js";
import { at, contentOf, Namespace } from "./fixture.js";
import { brokenInvariants, SCHEMA } from "./invariants.js";

// The checker itself: it finds what it is there to find, and mends it where that needs no guess.

interface Damage {
  readonly sql: string;
  /** The rule that notices it. */
  readonly breaks: string;
  /** Those that are still broken after a repair. */
  readonly leaves?: readonly string[];
}

/** A bit more than a number that there is. */
const WILD = "4611686018427387905";

const DAMAGE: readonly Damage[] = [
  { sql: "UPDATE contents SET ref_count = 5", breaks: "content.references" },
  { sql: "UPDATE contents SET ref_count = 0", breaks: "content.references" },
  { sql: "DELETE FROM contents", breaks: "content.known" },
  { sql: "UPDATE inodes SET nlink = 3 WHERE content_hash IS NOT NULL", breaks: "inode.links" },
  { sql: "UPDATE inodes SET nlink = 0 WHERE content_hash IS NOT NULL", breaks: "inode.links" },
  { sql: "UPDATE inodes SET nlink = nlink + 1 WHERE ino = 1", breaks: "inode.links" },
  { sql: "UPDATE dentries SET ino = 77777 WHERE name = 'file'", breaks: "name.misled" },
  {
    sql: "UPDATE dentries SET ino = (SELECT ino FROM dentries WHERE name = 'first') WHERE name = 'file'",
    breaks: "name.misled",
  },
  { sql: "UPDATE dentries SET ino = 77777 WHERE name = 'another name'", breaks: "name.inode" },
  { sql: "UPDATE dentries SET type = 10 WHERE name = 'file'", breaks: "name.type" },
  { sql: "UPDATE dentries SET type = 0 WHERE name = 'below'", breaks: "name.type" },
  { sql: "UPDATE inodes SET mode = 420 WHERE content_hash IS NOT NULL", breaks: "inode.type" },
  {
    sql: "UPDATE inodes SET mode = 0x41ed WHERE content_hash IS NOT NULL",
    breaks: "inode.type",
  },
  {
    sql: "UPDATE inodes SET mode = 420 WHERE ino IN (SELECT ino FROM symlinks)",
    breaks: "inode.type",
  },
  {
    sql: "UPDATE inodes SET mode = 493 WHERE ino IN (SELECT ino FROM dentries WHERE type = 4)",
    breaks: "inode.type",
  },
  {
    sql: "UPDATE inodes SET mode = 0x11ed WHERE ino = (SELECT ino FROM dentries WHERE name = 'below')",
    breaks: "inode.type-known",
    leaves: ["inode.type-known"],
  },
  {
    sql: `UPDATE inodes SET mode = 0x91ed WHERE ino = (SELECT ino FROM dentries WHERE name = 'below');
      UPDATE dentries SET type = 9 WHERE name = 'below'`,
    breaks: "inode.type-known",
    leaves: ["inode.type-known"],
  },
  {
    sql: "UPDATE inodes SET content_hash = NULL WHERE content_hash IS NOT NULL",
    breaks: "content.unclaimed",
    leaves: ["content.unclaimed"],
  },
  { sql: "UPDATE dentries SET parent = 77777 WHERE name = 'file'", breaks: "name.directory" },
  {
    sql: "DELETE FROM inodes WHERE ino = (SELECT ino FROM dentries WHERE name = 'dir')",
    breaks: "name.directory",
  },
  { sql: "UPDATE dentries SET cookie = 7", breaks: "name.cookie" },
  { sql: "UPDATE dentries SET cookie = 2 WHERE name = 'file'", breaks: "name.cookie" },
  { sql: `UPDATE dentries SET cookie = ${WILD} WHERE name = 'file'`, breaks: "name.cookie" },
  { sql: `UPDATE dentries SET parent = ${WILD} WHERE name = 'file'`, breaks: "inode.number" },
  { sql: `UPDATE symlinks SET ino = ${WILD}`, breaks: "inode.number", leaves: ["symlink.target"] },
  { sql: "UPDATE inodes SET ino = -5 WHERE ino = 1", breaks: "inode.number" },
  { sql: "INSERT INTO dentries VALUES (1, 'root', 1, 99999, 4)", breaks: "root.name" },
  ...["a/b", "", ".", "..", "x".repeat(256), "\u0001", "\u007f", "\u0085", "\n"].map((name) => ({
    sql: `UPDATE dentries SET name = '${name}' WHERE name = 'file'`,
    breaks: "name.legal",
  })),
  { sql: "UPDATE dentries SET name = 'a' || char(0) WHERE name = 'file'", breaks: "name.legal" },
  ...["66ff", "eda080"].map((bytes) => ({
    sql: `UPDATE dentries SET name = CAST(x'${bytes}' AS TEXT) WHERE name = 'file'`,
    breaks: "name.legal",
  })),
  {
    sql: "UPDATE dentries SET name = CAST(x'ff' AS TEXT), parent = 77777 WHERE name = 'file'",
    breaks: "name.directory",
  },
  { sql: "DELETE FROM store_state", breaks: "state.store" },
  { sql: "UPDATE store_state SET number = -1, batch = -1, next_id = -1", breaks: "state.store" },
  { sql: "DELETE FROM change_state", breaks: "state.changes" },
  { sql: "DELETE FROM scrub_state", breaks: "state.scrub" },
  { sql: "UPDATE inodes SET nlink = -1 WHERE content_hash IS NOT NULL", breaks: "inode.links" },
  {
    sql: `UPDATE inodes SET nlink = -1 WHERE content_hash IS NOT NULL;
      DELETE FROM dentries WHERE ino IN (SELECT ino FROM inodes WHERE nlink = -1)`,
    breaks: "inode.named",
  },
  { sql: "UPDATE inodes SET size_bytes = -5 WHERE content_hash IS NOT NULL", breaks: "inode.size" },
  { sql: "UPDATE inodes SET size_bytes = -5 WHERE ino = 1", breaks: "inode.size" },
  { sql: "UPDATE inodes SET size_bytes = 1 << 61", breaks: "inode.size" },
  { sql: "UPDATE inodes SET blocks = -1", breaks: "inode.blocks" },
  { sql: "UPDATE inodes SET blocks = 1 << 62", breaks: "inode.blocks" },
  { sql: "UPDATE inodes SET mtime_nsec = -1, atime_nsec = 1000000000", breaks: "inode.times" },
  {
    sql: "UPDATE inodes SET path_id = 'x' WHERE ino = 1",
    breaks: "inode.path-id",
    leaves: ["inode.path-id"],
  },
  { sql: "UPDATE symlinks SET target = x''", breaks: "symlink.target", leaves: ["symlink.target"] },
  { sql: "UPDATE file_metadata SET path_id = 'x'", breaks: "metadata.path-id" },
  { sql: "UPDATE file_metadata SET ino = 77777 WHERE key = 'k'", breaks: "metadata.inode" },
  {
    sql: "INSERT INTO system_attributes (ino, key, value) VALUES (77777, 'a', 'b')",
    breaks: "attribute.inode",
  },
  { sql: "DELETE FROM symlinks", breaks: "symlink.target", leaves: ["symlink.target"] },
  { sql: "INSERT INTO symlinks (ino, target) VALUES (77777, 'x')", breaks: "symlink.inode" },
  {
    sql: "UPDATE inodes SET content_hash = (SELECT hash FROM contents) WHERE ino = 1",
    breaks: "inode.kind",
  },
  {
    sql: "UPDATE inodes SET staging_id = 12 WHERE mode >> 12 = 8",
    breaks: "content.staged-once",
    leaves: ["content.staged-once"],
  },
  {
    sql: "UPDATE inodes SET size_bytes = 4711 WHERE content_hash IS NOT NULL",
    breaks: "file.size",
  },
  { sql: "UPDATE store_state SET next_id = 3", breaks: "numbers.next" },
  { sql: "DELETE FROM work_items", breaks: "work.items" },
  { sql: "UPDATE work_items SET rank = 7", breaks: "work.items" },
  { sql: "UPDATE work_items SET is_named = 0", breaks: "work.items" },
  { sql: "DELETE FROM file_metadata WHERE key = 'status'", breaks: "work.items" },
  { sql: "UPDATE work_items SET open_dependencies = 3", breaks: "work.open-dependencies" },
  { sql: "UPDATE work_dependencies SET is_satisfied = 1", breaks: "work.dependency-state" },
  { sql: "UPDATE work_dependencies SET ino = 77777", breaks: "work.dependency-owner" },
  {
    sql: "UPDATE work_dependencies SET target_ino = ino",
    breaks: "work.cycle",
    leaves: ["work.cycle"],
  },
  { sql: "UPDATE work_items SET status = 'in_progress'", breaks: "work.started" },
  { sql: "UPDATE work_counts SET ready = ready + 1", breaks: "work.counts" },
  { sql: "UPDATE dentries SET parent = ino WHERE name = 'dir'", breaks: "directory.reachable" },
  {
    sql: `UPDATE dentries SET parent = (SELECT ino FROM dentries WHERE name = 'below') WHERE name = 'dir'`,
    breaks: "directory.reachable",
  },
  {
    sql: `INSERT INTO dentries SELECT 1, 'twice', ino, 99999, 4 FROM dentries WHERE name = 'below'`,
    breaks: "directory.names",
  },
  { sql: "DELETE FROM dentries WHERE name = 'dir'", breaks: "inode.named" },
  { sql: "DELETE FROM dentries WHERE name = 'link'", breaks: "inode.named" },
  { sql: "DELETE FROM inodes WHERE ino = 1", breaks: "root.there" },
  {
    sql: "UPDATE inodes SET mode = 0x81a4 WHERE ino = 1",
    breaks: "root.directory",
    leaves: ["root.directory", "name.directory", "inode.links"],
  },
  { sql: "DROP VIEW ready_work_items", breaks: "database.schema" },
  { sql: "DROP INDEX dentries_by_inode", breaks: "database.schema" },
  { sql: "DROP TRIGGER work_items_deleted", breaks: "database.schema" },
];

/** A store with something of everything, closed. */
async function makeStore(): Promise<string> {
  const dataDir = testDir();
  const namespace = new Namespace(openMetadataStore(dataDir));
  const ino = namespace.file("file");
  const dir = namespace.directory("dir");
  namespace.directory("below", { parent: dir });
  namespace.node("symlink", "link", { target: Buffer.from("x") });
  namespace.seal(ino, contentOf("a"));
  const value = Buffer.from("v");
  namespace.store.setAttribute({
    ...{ ino, family: "custom", key: "k", value, mode: "any", now: at(1) },
  });
  const jobs = new Jobs(namespace);
  jobs.add("first", { priority: "1" });
  jobs.add("second", { status: "blocked", dependsOn: "/first" });
  namespace.store.link({ ino, parent: ROOT_INO, name: "another name", now: at(1) });
  await namespace.store.close();
  return dataDir;
}

function change(dataDir: string, work: (database: Database.Database) => void): void {
  const database = new Database(join(dataDir, "metadata.db"));
  try {
    work(database);
  } finally {
    database.close();
  }
}

test.each(DAMAGE)("the checker notices $sql, and the repair leaves $leaves", async (damage) => {
  const { sql, breaks, leaves = [] } = damage;
  const dataDir = await makeStore();
  expect(brokenInvariants(dataDir)).toStrictEqual({});

  change(dataDir, (database) => database.exec(sql));
  expect(Object.keys(brokenInvariants(dataDir))).toContain(breaks);

  change(dataDir, (database) => {
    const left = repairDatabase(database, { schema: SCHEMA, owner: { uid: 0, gid: 0 } });
    expect([...new Set(left.map(({ rule }) => rule.id))]).toStrictEqual(leaves);
  });
  expect(Object.keys(brokenInvariants(dataDir))).toStrictEqual(leaves);
});

describe("what had no place any more", () => {
  function tree(dataDir: string): unknown {
    const found: unknown[] = [];
    change(dataDir, (database) => {
      const paths = new Paths(database);
      const inodes = "SELECT ino FROM inodes WHERE ino <> 1 ORDER BY ino";
      for (const ino of database.prepare(inodes).pluck().all()) found.push(paths.of(ino as Ino));
    });
    return found;
  }

  test("is found in a directory for admins alone, with all that lies below it", async () => {
    const dataDir = await makeStore();
    change(dataDir, (database) => {
      const [dir, link] = ["dir", "link"].map((name) =>
        database.prepare("SELECT ino FROM dentries WHERE name = ?").pluck().get(name),
      );
      database.exec("DELETE FROM dentries WHERE name IN ('dir', 'link')");
      repairDatabase(database, { schema: SCHEMA, owner: { uid: 7, gid: 8 } });
      const paths = new Paths(database);
      expect(paths.of(dir as Ino)).toBe(`/system/lost+found/ino-${dir}`);
      expect(paths.of(link as Ino)).toBe(`/system/lost+found/ino-${link}`);
      const place =
        "SELECT mode, uid, gid FROM inodes i JOIN dentries d USING (ino) WHERE name = ?";
      expect(database.prepare(place).get("lost+found")).toStrictEqual({
        ...{ mode: 0o40700, uid: 7, gid: 8 },
      });
    });
    expect(tree(dataDir)).toContainEqual(
      expect.stringMatching(/^\/system\/lost\+found\/ino-\d+\/below$/),
    );
  });

  test.each([
    ["lost+found", "lost+found.2", 0],
    ["system", undefined, 1],
  ])("is found beside a file that is called %s", async (taken, made, left) => {
    const dataDir = await makeStore();
    change(dataDir, (database) => {
      const file = "SELECT ino FROM dentries WHERE name = 'file'";
      if (taken === "system") {
        database.exec("UPDATE dentries SET name = 'system' WHERE name = 'file'");
      } else {
        const tools = { schema: SCHEMA, owner: { uid: 0, gid: 0 } };
        database.exec("DELETE FROM dentries WHERE name = 'dir'");
        repairDatabase(database, tools);
        database.exec(`UPDATE dentries SET (name, ino, type) = ('lost+found', (${file}), 8)
          WHERE name = 'lost+found'`);
      }
      database.exec("DELETE FROM dentries WHERE name = 'link'; UPDATE contents SET ref_count = 9");
      const repair = () => repairDatabase(database, { schema: SCHEMA, owner: { uid: 7, gid: 8 } });
      if (made === undefined) expect(kindOf(repair)).toBe("not-a-directory");
      else repair();
      const names = database.prepare("SELECT count(*) FROM dentries WHERE name = ?").pluck();
      expect(names.get(made ?? "lost+found")).toBe(left === 0 ? 1 : 0);
      // All else is mended.
      expect(
        database.prepare("SELECT count(*) FROM contents WHERE ref_count = 9").pluck().get(),
      ).toBe(0);
    });
  });

  test.each([
    ["system", "was made with", { dir: "/dir", found: "/system/lost+found/ino-" }],
    ["lost+found", "was made with", { dir: "/dir", found: "/system/lost+found/ino-" }],
    ["system", "got", { dir: "/system", found: "/system/lost+found/ino-" }],
    ["lost+found", "got", { dir: "/system/lost+found.2/ino-", found: "/system/lost+found/ino-" }],
  ])(
    "is found in no directory that others see, where %s leads to one and %s its name",
    async (name, came, expected) => {
      const dataDir = await makeStore();
      change(dataDir, (database) => {
        const tools = { schema: SCHEMA, owner: { uid: 0, gid: 0 } };
        database.exec("DELETE FROM dentries WHERE name = 'below'");
        repairDatabase(database, tools);
        const inoOf = (named: string) =>
          database.prepare("SELECT ino FROM dentries WHERE name = ?").pluck().get(named) as Ino;
        const [link, dir] = [inoOf("link"), inoOf("dir")];
        database.exec(`UPDATE dentries SET ino = ${dir} WHERE name = '${name}';
        DELETE FROM dentries WHERE name = 'link'`);
        // A directory that was moved has another cookie than at first.
        if (came === "got")
          database.exec(`UPDATE dentries SET cookie = 9000 + cookie WHERE ino = ${dir}`);
        expect(repairDatabase(database, tools)).toStrictEqual([]);
        const placeOf = (ino: Ino) => new Paths(database).of(ino)?.replace(/\d+$/, "");
        expect({ dir: placeOf(dir), found: placeOf(link) }).toStrictEqual(expected);
      });
    },
  );

  test("keeps each of its names", async () => {
    const dataDir = await makeStore();
    change(dataDir, (database) => {
      database.exec("UPDATE dentries SET parent = 77777 WHERE name IN ('file', 'another name')");
      expect(repairDatabase(database, { schema: SCHEMA, owner: { uid: 0, gid: 0 } })).toStrictEqual(
        [],
      );
      const names = database
        .prepare("SELECT name FROM dentries WHERE name LIKE 'ino-%' ORDER BY name")
        .pluck()
        .all();
      expect(names).toStrictEqual([
        expect.stringMatching(/^ino-\d+$/),
        expect.stringMatching(/^ino-\d+-\d+$/),
      ]);
    });
  });

  test("makes the store fit to be opened again", async () => {
    const dataDir = await makeStore();
    change(dataDir, (database) => {
      database.exec("DELETE FROM work_items; DELETE FROM dentries WHERE name = 'first'");
      repairDatabase(database, { schema: SCHEMA, owner: { uid: 0, gid: 0 } });
    });
    const nexus = openNexus(dataDir);
    await nexus.close({ drainMs: 1000 });
    expect(brokenInvariants(dataDir)).toStrictEqual({});
    change(dataDir, (database) => {
      const zones = database.prepare("SELECT DISTINCT zone FROM work_items ORDER BY zone").pluck();
      expect(zones.all()).toStrictEqual(["/", "/system"]);
    });
  });
});

test("a damaged page is told of, and nothing is mended", async () => {
  const dataDir = await makeStore();
  const path = join(dataDir, "metadata.db");
  const bytes = readFileSync(path);
  let root = 0;
  change(dataDir, (database) => {
    root = database
      .prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'dentries'")
      .pluck()
      .get() as number;
  });
  bytes.fill(0x5a, (root - 1) * 4096 + 100, root * 4096 - 8);
  bytes.fill(0xff, (root - 1) * 4096, (root - 1) * 4096 + 12);
  writeFileSync(path, bytes);
  expect(Object.keys(brokenInvariants(dataDir))).toStrictEqual(["database.pages"]);
  change(dataDir, (database) => {
    database.pragma("journal_mode = DELETE");
    expect(
      repairDatabase(database, { schema: SCHEMA, owner: { uid: 0, gid: 0 } }),
    ).not.toStrictEqual([]);
  });
});

test("a damaged index is made anew from its table", async () => {
  const dataDir = await makeStore();
  const setIndex = (database: Database.Database, sql: string) => {
    database.unsafeMode();
    database.pragma("writable_schema = ON");
    const set = "UPDATE sqlite_schema SET sql = ? WHERE name = 'dentries_by_inode'";
    database.prepare(set).run(sql);
  };
  // While the index seems to be of nothing, it isn't kept.
  const sql = "CREATE INDEX dentries_by_inode ON dentries (ino)";
  change(dataDir, (database) => setIndex(database, `${sql} WHERE ino < 0`));
  change(dataDir, (database) => {
    database.exec(`
      INSERT INTO dentries SELECT 1, 'new', ino, 9000, type FROM dentries WHERE name = 'file';
      UPDATE inodes SET nlink = nlink + 1 WHERE ino = (SELECT ino FROM dentries WHERE name = 'new');
      UPDATE store_state SET next_id = 9001`);
  });
  change(dataDir, (database) => setIndex(database, sql));
  expect(Object.keys(brokenInvariants(dataDir))).toContain("database.indexes");
  change(dataDir, (database) => {
    expect(repairDatabase(database, { schema: SCHEMA, owner: { uid: 0, gid: 0 } })).toStrictEqual(
      [],
    );
  });
});
