import type { Migration } from "./migration.js";

/** After every priority that can be set. */
export const NO_PRIORITY = 1_000_000_000;

/** What this step made of paths. It never ends in a circle of directories, so step 5 has another one. */
export function endlessPathOf(ino: string): string {
  return `(
  WITH RECURSIVE up (ino, path) AS (
    SELECT parent, '/' || name FROM (SELECT parent, name FROM dentries WHERE ino = ${ino} ORDER BY parent, name LIMIT 1)
    UNION ALL
    SELECT d.parent, '/' || d.name || up.path FROM up JOIN dentries d ON d.ino = up.ino
  )
  SELECT path FROM up WHERE ino = 1)`;
}

function metadataOf(key: string): string {
  return `(SELECT value FROM file_metadata m WHERE m.ino = w.ino AND m.key = '${key}')`;
}

function time(name: string): string {
  return `strftime('%Y-%m-%dT%H:%M:%S', i.${name}_sec, 'unixepoch') || printf('.%06d', i.${name}_nsec / 1000)`;
}

/** How the path of an inode is found, in SQL. */
export type PathOf = (ino: string) => string;

function columns(pathOf: PathOf): string {
  return `
  i.path_id AS path_id,
  i.tenant_id AS tenant_id,
  ${pathOf("w.ino")} AS virtual_path,
  'local' AS backend_id,
  i.content_hash AS physical_path,
  'file' AS file_type,
  i.size_bytes AS size_bytes,
  i.content_hash AS content_hash,
  ${time("btime")} AS created_at,
  ${time("mtime")} AS updated_at,
  w.status AS status`;
}

const PRIORITY = `CASE WHEN w.rank < ${NO_PRIORITY} THEN w.rank END AS priority`;

function view({ name, columns, state }: { name: string; columns: string; state: string }): string {
  return `
CREATE VIEW ${name} AS
SELECT ${columns}
FROM work_items w JOIN inodes i ON i.ino = w.ino
WHERE w.state = '${state}' ORDER BY w.urgency, w.created_us, w.ino;`;
}

/** The views of the queue. */
export function workViews(pathOf: PathOf): string {
  const common = columns(pathOf);
  return `${view({ name: "ready_work_items", columns: `${common},\n  ${PRIORITY}`, state: "ready" })}
${view({ name: "pending_work_items", columns: `${common},\n  ${PRIORITY}`, state: "pending" })}
${view({
  name: "blocked_work_items",
  columns: `${common},\n  ${PRIORITY},\n  w.open_dependencies AS blocker_count`,
  state: "blocked",
})}
${view({
  name: "in_progress_work",
  columns: `${common},\n  ${metadataOf("worker_id")} AS worker_id,\n  ${metadataOf("started_at")} AS started_at`,
  state: "in_progress",
})}

CREATE VIEW work_by_priority AS
SELECT
  i.path_id AS path_id,
  i.tenant_id AS tenant_id,
  ${pathOf("w.ino")} AS virtual_path,
  'local' AS backend_id,
  'file' AS file_type,
  i.size_bytes AS size_bytes,
  ${time("btime")} AS created_at,
  ${time("mtime")} AS updated_at,
  w.status AS status,
  ${PRIORITY},
  ${metadataOf("tags")} AS tags
FROM work_items w JOIN inodes i ON i.ino = w.ino
WHERE w.is_named = 1 ORDER BY w.rank, w.created_us, w.ino;
`;
}

/** What an item may be, as lists have it; one without a name is in none. */
const STATES = ["unnamed", "pending", "blocked", "ready", "in_progress", "completed", "failed"];

/** Counts an item in its zone, or no more. */
function count(row: "new" | "old", sign: "+" | "-"): string {
  const counts = STATES.map((state) => `${state} = ${state} ${sign} (${row}.state = '${state}')`);
  return `UPDATE work_counts SET ${counts.join(", ")} WHERE zone = ${row}.zone;`;
}

const COUNT_CHANGE = STATES.map(
  (state) => `${state} = ${state} + (new.state = '${state}') - (old.state = '${state}')`,
).join(", ");

const ADD_ZONE = "INSERT INTO work_counts (zone) VALUES (new.zone) ON CONFLICT DO NOTHING;";

/**
 * SQLite prepares to take back each statement that may fail halfway, and one that fires a trigger may.
 * That costs as much as the statement; whoever writes takes back whole operations, so it needn't.
 */
const REQUIRED = "NOT NULL ON CONFLICT FAIL";

/**
 * Notes on the choices:
 * - A value of `file_metadata` is found by its inode and its key and by nothing else, so the table is one
 *   tree in that order; it was two, which each claim of an item paid for seven times.
 * - `file_metadata` has the truth; `work_items` is what is needed to find the next item. A file with a
 *   status has a row, and it is changed in the same transaction.
 * - `state` and `urgency` say in which list an item stands and where, so that one index answers all
 *   lists in their order. A status change moves an entry of two indexes; the two by rank don't change.
 *   They are stored, because each index would compute them again for the entry it takes out.
 * - `work_counts` has a row for each zone and is kept by triggers, so that counting a million items looks
 *   at a few rows.
 * - `zone` is the path that names the item's zone: an identity's items are found without a look at
 *   others'. Which zone a path is in depends on the configuration, so `work_rules` remembers by which
 *   rules this was filled; NULL means that it has to be.
 * - `is_satisfied` stays when a completed item is deleted: what is done is done. A dependency by path
 *   whose file goes before that waits for another file of that path.
 */
export const work: Migration = {
  version: 2,
  sql: `
ALTER TABLE store_state ADD COLUMN work_rules TEXT;

CREATE TABLE metadata_by_key (
  metadata_id TEXT NOT NULL GENERATED ALWAYS AS (ino || ':' || key) VIRTUAL,
  ino INTEGER NOT NULL,
  path_id TEXT NOT NULL,
  key TEXT NOT NULL,
  value ANY NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (ino, key)
) STRICT, WITHOUT ROWID;
INSERT INTO metadata_by_key (ino, path_id, key, value, created_at)
  SELECT ino, path_id, key, value, created_at FROM file_metadata ORDER BY ino, key;
DROP TABLE file_metadata;
-- People's own views of file_metadata stay as they are.
PRAGMA legacy_alter_table = ON;
ALTER TABLE metadata_by_key RENAME TO file_metadata;
PRAGMA legacy_alter_table = OFF;

CREATE TABLE work_items (
  ino INTEGER PRIMARY KEY,
  status TEXT ${REQUIRED},
  is_named INTEGER ${REQUIRED},
  rank INTEGER ${REQUIRED},
  created_us INTEGER ${REQUIRED},
  started_us INTEGER,
  zone TEXT ${REQUIRED},
  open_dependencies INTEGER ${REQUIRED},
  lease_end_us INTEGER,
  state TEXT ${REQUIRED} GENERATED ALWAYS AS (
    CASE WHEN is_named = 0 THEN 'unnamed'
         WHEN status = 'ready' AND open_dependencies > 0 THEN 'blocked'
         ELSE status END) STORED,
  urgency INTEGER ${REQUIRED} GENERATED ALWAYS AS (
    CASE state WHEN 'blocked' THEN -open_dependencies
               WHEN 'in_progress' THEN -coalesce(started_us, 0)
               ELSE rank END) STORED
) STRICT;
CREATE INDEX work_by_state ON work_items (state, urgency, created_us, ino);
CREATE INDEX work_by_zone_and_state ON work_items (zone, state, urgency, created_us, ino);
CREATE INDEX work_by_rank ON work_items (rank, created_us, ino) WHERE is_named = 1;
CREATE INDEX work_by_zone_and_rank ON work_items (zone, rank, created_us, ino) WHERE is_named = 1;
CREATE INDEX work_leases ON work_items (lease_end_us) WHERE lease_end_us IS NOT NULL;

CREATE TABLE work_counts (
  zone TEXT NOT NULL PRIMARY KEY,
  ${STATES.map((state) => `${state} INTEGER ${REQUIRED} DEFAULT 0`).join(",\n  ")}
) STRICT, WITHOUT ROWID;
CREATE TRIGGER work_items_inserted AFTER INSERT ON work_items BEGIN
  ${ADD_ZONE}
  ${count("new", "+")}
END;
CREATE TRIGGER work_items_deleted AFTER DELETE ON work_items BEGIN
  ${count("old", "-")}
END;
CREATE TRIGGER work_items_changed AFTER UPDATE OF status, is_named, open_dependencies ON work_items
WHEN old.state <> new.state AND old.zone = new.zone BEGIN
  UPDATE work_counts SET ${COUNT_CHANGE} WHERE zone = new.zone;
END;
CREATE TRIGGER work_items_moved AFTER UPDATE OF zone ON work_items
WHEN old.zone <> new.zone BEGIN
  ${count("old", "-")}
  ${ADD_ZONE}
  ${count("new", "+")}
END;

CREATE TABLE work_dependencies (
  ino INTEGER NOT NULL,
  position INTEGER NOT NULL,
  reference TEXT NOT NULL,
  path TEXT,
  path_id TEXT,
  target_ino INTEGER,
  is_satisfied INTEGER NOT NULL,
  PRIMARY KEY (ino, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX work_dependents ON work_dependencies (target_ino) WHERE target_ino IS NOT NULL;
CREATE INDEX work_awaited_paths ON work_dependencies (path)
  WHERE target_ino IS NULL AND path IS NOT NULL;
CREATE INDEX work_awaited_ids ON work_dependencies (path_id, target_ino)
  WHERE is_satisfied = 0 AND path_id IS NOT NULL;
${workViews(endlessPathOf)}`,
};
