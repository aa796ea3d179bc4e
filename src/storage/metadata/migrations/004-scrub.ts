import { endlessPathOf, type PathOf } from "./002-work.js";
import type { Migration } from "./migration.js";

/** The view of files that were found damaged. */
export function damagedFiles(pathOf: PathOf): string {
  return `CREATE VIEW damaged_files AS
SELECT
  ${pathOf("i.ino")} AS virtual_path,
  i.path_id AS path_id,
  d.hash AS content_hash,
  d.problem AS problem,
  d.detail AS detail,
  d.found_at AS found_at
FROM damaged_contents d JOIN inodes i ON i.content_hash = d.hash
WHERE i.staging_id IS NULL;
`;
}

/**
 * Notes on the choices:
 * - `scrub_state.position` is NULL between two rounds, and '' when one has just begun.
 * - A row of `damaged_contents` may outlive the last file that had the content: it counts only together with one.
 * - A file with a `staging_id` has another content by now.
 * - `damaged_files` is read by people and tools; its columns are a promise.
 */
export const scrub: Migration = {
  version: 4,
  sql: `
CREATE TABLE scrub_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  position TEXT,
  began_at TEXT,
  ended_at TEXT
) STRICT;
INSERT INTO scrub_state (id) VALUES (1);

CREATE TABLE damaged_contents (
  hash TEXT PRIMARY KEY,
  problem TEXT NOT NULL CHECK (problem IN ('changed', 'missing', 'unreadable')),
  detail TEXT NOT NULL,
  found_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

${damagedFiles(endlessPathOf)}`,
};
