import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { ROOT_INO } from "../../../src/model/ids.js";
import { openMetadataStore } from "../../support/stores.js";
import { testDir } from "../../support/temp-dir.js";
import { Jobs } from "./contract/work-fixture.js";
import { at, contentOf, Namespace } from "./fixture.js";
import { brokenInvariants } from "./invariants.js";

// The checker itself: it finds what it is there to find.

const DAMAGE: readonly (readonly [sql: string, rule: RegExp])[] = [
  ["UPDATE contents SET ref_count = 5", /ref_count/],
  ["DELETE FROM contents", /content of every inode/],
  ["UPDATE inodes SET nlink = 3 WHERE content_hash IS NOT NULL", /but a directory/],
  ["UPDATE inodes SET nlink = nlink + 1 WHERE ino = 1", /nlink of a directory/],
  ["UPDATE dentries SET ino = 77777 WHERE name = 'file'", /leads to an inode/],
  ["UPDATE dentries SET type = 10 WHERE name = 'file'", /leads to an inode/],
  ["UPDATE dentries SET parent = 77777 WHERE name = 'file'", /in a directory/],
  ["UPDATE dentries SET cookie = 7", /same cookie/],
  ["UPDATE file_metadata SET path_id = 'x'", /custom metadata/],
  ["UPDATE file_metadata SET ino = 77777 WHERE key = 'k'", /custom metadata/],
  ["DELETE FROM symlinks", /have a target/],
  ["UPDATE inodes SET content_hash = (SELECT hash FROM contents) WHERE ino = 1", /only regular/],
  ["UPDATE store_state SET next_id = 3", /below the next one/],
  ["DELETE FROM work_items", /queue has the files/],
  ["UPDATE work_items SET rank = 7", /queue has the files/],
  ["UPDATE work_items SET is_named = 0", /queue has the files/],
  ["DELETE FROM file_metadata WHERE key = 'status'", /queue has the files/],
  ["UPDATE work_items SET open_dependencies = 3", /open_dependencies/],
  ["UPDATE work_dependencies SET is_satisfied = 1", /satisfied/],
  ["UPDATE work_dependencies SET ino = 77777", /says so/],
  ["UPDATE work_dependencies SET target_ino = ino", /waits for itself/],
  ["UPDATE work_items SET status = 'in_progress'", /was started/],
  ["UPDATE work_counts SET ready = ready + 1", /work_counts/],
  ["UPDATE dentries SET parent = ino WHERE name = 'dir'", /reached from the root/],
];

test.each(DAMAGE)("the checker of invariants notices %s", async (sql, rule) => {
  const dataDir = testDir();
  const namespace = new Namespace(openMetadataStore(dataDir));
  const ino = namespace.file("file");
  namespace.directory("dir");
  namespace.node("symlink", "link", { target: Buffer.from("x") });
  namespace.seal(ino, contentOf("a"));
  const value = Buffer.from("v");
  namespace.store.setAttribute({
    ino,
    family: "custom",
    key: "k",
    value,
    mode: "any",
    now: at(1),
  });
  const jobs = new Jobs(namespace);
  jobs.add("first", { priority: "1" });
  jobs.add("second", { status: "blocked", dependsOn: "/first" });
  namespace.store.link({ ino, parent: ROOT_INO, name: "another name", now: at(1) });
  await namespace.store.close();
  expect(brokenInvariants(dataDir)).toStrictEqual({});

  const database = new Database(join(dataDir, "metadata.db"));
  database.exec(sql);
  database.close();
  expect(Object.keys(brokenInvariants(dataDir)).join()).toMatch(rule);
});
