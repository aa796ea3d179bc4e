import type { Migration } from "./migration.js";

/** All names, from the root down. It never ends where a directory is below itself, so step 5 has another one. */
const ENDLESS_TREE = `WITH RECURSIVE tree (ino, type, path) AS (
  SELECT ino, type, '/' || name FROM dentries WHERE parent = 1
  UNION ALL
  SELECT d.ino, d.type, tree.path || '/' || d.name
  FROM tree JOIN dentries d ON d.parent = tree.ino WHERE tree.type = 4
)`;

/** The view of all files, from a `tree` of inodes, their types and paths. */
export function filePaths(tree: string): string {
  return `CREATE VIEW file_paths AS
${tree}
SELECT
  i.path_id AS path_id,
  i.tenant_id AS tenant_id,
  tree.path AS virtual_path,
  'local' AS backend_id,
  i.content_hash AS physical_path,
  'file' AS file_type,
  i.size_bytes AS size_bytes,
  i.content_hash AS content_hash,
  strftime('%Y-%m-%dT%H:%M:%S', i.btime_sec, 'unixepoch') || printf('.%06d', i.btime_nsec / 1000) AS created_at,
  strftime('%Y-%m-%dT%H:%M:%S', i.mtime_sec, 'unixepoch') || printf('.%06d', i.mtime_nsec / 1000) AS updated_at,
  strftime('%Y-%m-%dT%H:%M:%S', i.atime_sec, 'unixepoch') || printf('.%06d', i.atime_nsec / 1000) AS accessed_at,
  NULL AS deleted_at,
  NULL AS locked_by
FROM tree JOIN inodes i ON i.ino = tree.ino
WHERE tree.type = 8;
`;
}

/**
 * Notes on the choices:
 * - Times are two integers, seconds and nanoseconds: exact, any year, no 64-bit arithmetic in JS.
 * - A dentry's `cookie` orders a listing. It comes from the same never-repeating sequence as inode
 *   numbers and stays while the entry keeps its directory. `dentries_order` answers a listing alone.
 * - Numbers start at 3: 1 is the root, and the cookies 1 and 2 are `.` and `..` in every listing.
 * - `type` is the file type as in `struct dirent` (mode >> 12); it never changes for an inode.
 * - `content_hash` is the sealed content; with a `staging_id` the content is that staged one instead,
 *   and the hash is what it replaces.
 * - `contents.ref_count` counts inodes. A row with 0 is a blob waiting to be removed.
 * - `file_metadata` and the views are read by people and tools; their columns are a promise.
 */
export const initial: Migration = {
  version: 1,
  sql: `
CREATE TABLE store_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  next_id INTEGER NOT NULL,
  batch INTEGER NOT NULL,
  -- Tells this store's journal from another's.
  number INTEGER NOT NULL
) STRICT;
INSERT INTO store_state (id, next_id, batch, number) VALUES (1, 3, 0, random() & 0xffffffff);

CREATE TABLE inodes (
  ino INTEGER PRIMARY KEY,
  path_id TEXT NOT NULL UNIQUE,
  mode INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  gid INTEGER NOT NULL,
  nlink INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  blocks INTEGER NOT NULL,
  rdev INTEGER NOT NULL,
  atime_sec INTEGER NOT NULL,
  atime_nsec INTEGER NOT NULL,
  mtime_sec INTEGER NOT NULL,
  mtime_nsec INTEGER NOT NULL,
  ctime_sec INTEGER NOT NULL,
  ctime_nsec INTEGER NOT NULL,
  btime_sec INTEGER NOT NULL,
  btime_nsec INTEGER NOT NULL,
  content_hash TEXT,
  version INTEGER NOT NULL,
  staging_id INTEGER,
  mime_type TEXT,
  tenant_id TEXT,
  agent_id TEXT
) STRICT;
CREATE INDEX inodes_unlinked ON inodes (ino) WHERE nlink = 0;
CREATE INDEX inodes_staged ON inodes (staging_id) WHERE staging_id IS NOT NULL;
CREATE INDEX inodes_by_content ON inodes (content_hash) WHERE content_hash IS NOT NULL;

CREATE TABLE dentries (
  parent INTEGER NOT NULL,
  name TEXT NOT NULL,
  ino INTEGER NOT NULL,
  cookie INTEGER NOT NULL,
  type INTEGER NOT NULL,
  PRIMARY KEY (parent, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX dentries_order ON dentries (parent, cookie, ino, type);
CREATE INDEX dentries_by_inode ON dentries (ino);

CREATE TABLE symlinks (
  ino INTEGER PRIMARY KEY,
  target ANY NOT NULL
) STRICT;

CREATE TABLE file_metadata (
  metadata_id INTEGER PRIMARY KEY,
  ino INTEGER NOT NULL,
  path_id TEXT NOT NULL,
  key TEXT NOT NULL,
  value ANY NOT NULL,
  created_at TEXT NOT NULL,
  UNIQUE (ino, key)
) STRICT;

CREATE TABLE system_attributes (
  attribute_id INTEGER PRIMARY KEY,
  ino INTEGER NOT NULL,
  key TEXT NOT NULL,
  value ANY NOT NULL,
  UNIQUE (ino, key)
) STRICT;

CREATE TABLE contents (
  hash TEXT PRIMARY KEY,
  size_bytes INTEGER NOT NULL,
  blocks INTEGER NOT NULL,
  ref_count INTEGER NOT NULL CHECK (ref_count >= 0),
  created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX contents_unreferenced ON contents (hash) WHERE ref_count = 0;

${filePaths(ENDLESS_TREE)}`,
};
