import type { Migration } from "./migration.js";

/**
 * Notes on the choices:
 * - `changes` is what happened, in order, for those who watch. Nothing is in it while nobody does.
 * - The newest row is never removed, so that `seq`, which is one more than the largest, never comes back.
 * - A path is what it was at that moment; `old_path` is the one before a rename. Who may hear of a change
 *   follows from these two, as it does for the files themselves.
 * - `type` is the file type as in `struct dirent` (mode >> 12).
 * - `changes_by_inode` finds what was last told of a file, so that one that is written all the time has
 *   one row that says so.
 * - `change_state.store` is in every cursor: one of another store means nothing here.
 * - `recording_until_ms` is NULL while nothing is recorded. All up to `removed_through` is removed, or
 *   counts as removed: there is a gap after it.
 */
export const changes: Migration = {
  version: 3,
  sql: `
CREATE TABLE change_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  store TEXT NOT NULL,
  recording_until_ms INTEGER,
  removed_through INTEGER NOT NULL
) STRICT;
INSERT INTO change_state (id, store, removed_through) VALUES (1, lower(hex(randomblob(8))), 0);

CREATE TABLE changes (
  seq INTEGER PRIMARY KEY,
  at_sec INTEGER NOT NULL,
  at_nsec INTEGER NOT NULL,
  kind TEXT NOT NULL,
  ino INTEGER NOT NULL,
  type INTEGER NOT NULL,
  path TEXT NOT NULL,
  old_path TEXT,
  -- Of what was created: whether it wasn't anywhere before.
  is_new INTEGER,
  -- A JSON list.
  metadata_keys TEXT,
  status TEXT,
  old_status TEXT
) STRICT;
CREATE INDEX changes_by_inode ON changes (ino);
`,
};
