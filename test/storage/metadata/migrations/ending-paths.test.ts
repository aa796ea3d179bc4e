import { createHash } from "node:crypto";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { schemaViolations } from "../../../../src/storage/metadata/check/schema-rule.js";
import { MIGRATIONS } from "../../../../src/storage/metadata/migrations/index.js";
import { migrate } from "../../../../src/storage/metadata/sqlite/open-database.js";
import { testDir } from "../../../support/temp-dir.js";
import { SCHEMA } from "../invariants.js";

/** What stores were made with that people have. */
const RELEASED = [
  "f8130de8775a4837e43d29e2d82752d1ca0b5db4425032976c8d21f726d41a48",
  "085ab26add35ca989feb3d85e902bf7d5a46088834df6774e078e6336b247726",
  "becdb4e70a19c480d28681f3f0e82ec58f65e7ea38ac81d9dcc58122cd94cd2c",
  "4f3c8bcfefcedb9ce51e441510f7a407485686874994d6aefcab2ff9c098168e",
];

test("the steps that there are stores of stay as they are, to the letter", () => {
  const hashes = MIGRATIONS.map(({ sql }) => createHash("sha256").update(sql).digest("hex"));
  expect(hashes.slice(0, RELEASED.length)).toStrictEqual(RELEASED);
});

test("a store of version 4 gets the views anew, and people's own views of them go on", () => {
  const database = new Database(join(testDir(), "metadata.db"));
  for (const { sql, version } of MIGRATIONS.slice(0, 4)) {
    database.exec(sql);
    database.pragma(`user_version = ${version}`);
  }
  database.exec(`
    CREATE VIEW mine AS SELECT virtual_path FROM ready_work_items WHERE tenant_id = 'acme';
    -- Somebody has thrown one away.
    DROP VIEW pending_work_items;
    INSERT INTO inodes VALUES (7, 'id', 33188, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, NULL, 0, NULL, NULL, 'acme', NULL);
    INSERT INTO dentries VALUES (1, 'jobs', 6, 6, 4), (6, 'job', 7, 7, 8);
    INSERT INTO work_items (ino, status, is_named, rank, created_us, zone, open_dependencies)
      VALUES (7, 'ready', 1, 1, 1, '/', 0)`);
  migrate(database);
  expect(database.prepare("SELECT * FROM mine").pluck().all()).toStrictEqual(["/jobs/job"]);
  expect(schemaViolations(database, SCHEMA)).toStrictEqual([]);
  database.close();
});
