import { isDirectory, S_IFDIR, S_IFMT } from "../../../model/attributes.js";
import { NexusError } from "../../../model/errors.js";
import type { ContentHash, Ino } from "../../../model/ids.js";
import type { Timestamp } from "../../../model/timestamp.js";
import type { InodeRecord } from "../metadata-store.js";
import {
  command,
  first,
  integer,
  optionalText,
  query,
  type Row,
  type Script,
} from "../statement.js";

const COLUMN_NAMES = [
  "ino",
  "mode",
  "uid",
  "gid",
  "nlink",
  "size_bytes",
  "blocks",
  "rdev",
  "atime_sec",
  "atime_nsec",
  "mtime_sec",
  "mtime_nsec",
  "ctime_sec",
  "ctime_nsec",
  "btime_sec",
  "btime_nsec",
  "content_hash",
];

/** How many columns {@link inodeColumns} selects. */
export const INODE_COLUMN_COUNT = COLUMN_NAMES.length;

/** The columns that {@link inodeRecord} reads, of the table under this alias. */
export function inodeColumns(alias: string): string {
  return COLUMN_NAMES.map((name) => `${alias}.${name}`).join(", ");
}

/** Decodes the columns of {@link inodeColumns}, which start at `from` in the row. */
export function inodeRecord(row: Row, from = 0): InodeRecord {
  return {
    ino: integer(row, from) as Ino,
    mode: integer(row, from + 1),
    uid: integer(row, from + 2),
    gid: integer(row, from + 3),
    nlink: integer(row, from + 4),
    sizeBytes: integer(row, from + 5),
    blocks: integer(row, from + 6),
    rdev: integer(row, from + 7),
    atime: { sec: integer(row, from + 8), nsec: integer(row, from + 9) },
    mtime: { sec: integer(row, from + 10), nsec: integer(row, from + 11) },
    ctime: { sec: integer(row, from + 12), nsec: integer(row, from + 13) },
    btime: { sec: integer(row, from + 14), nsec: integer(row, from + 15) },
    contentHash: optionalText<ContentHash>(row, from + 16),
  };
}

const SELECT_INODE = query(`SELECT ${inodeColumns("i")} FROM inodes i WHERE i.ino = ?`);

export function* findInode(ino: Ino): Script<InodeRecord | undefined> {
  const row = yield* first(SELECT_INODE, ino);
  return row === undefined ? undefined : inodeRecord(row);
}

/**
 * A directory whose entries changed: its mtime and ctime move, its links by as many as given.
 * Changes nothing if it was removed, or is none.
 */
const TOUCH_DIRECTORY = command(
  `UPDATE inodes SET mtime_sec = ?, mtime_nsec = ?, ctime_sec = ?, ctime_nsec = ?, nlink = nlink + ?
   WHERE ino = ? AND nlink > 0 AND mode & ${S_IFMT} = ${S_IFDIR} RETURNING mode, gid`,
);

/** An inode that got or lost a name: its ctime moves, its links by as many as given. */
export const ADD_LINKS = command(
  "UPDATE inodes SET nlink = nlink + ?, ctime_sec = ?, ctime_nsec = ? WHERE ino = ? RETURNING nlink",
);

/**
 * Touches a directory that an entry goes into or comes from, and tells its mode and group.
 * Errors: `not-found`, `not-a-directory`.
 */
export function* touchDirectory(
  ino: Ino,
  { links, now }: { links: number; now: Timestamp },
): Script<{ mode: number; gid: number }> {
  const { sec, nsec } = now;
  const row = yield* first(TOUCH_DIRECTORY, sec, nsec, sec, nsec, links, ino);
  if (row === undefined) {
    const inode = yield* findInode(ino);
    if (inode !== undefined && !isDirectory(inode.mode)) {
      throw new NexusError("not-a-directory", `inode ${ino} is no directory`);
    }
    throw new NexusError("not-found", "the directory was removed");
  }
  return { mode: integer(row, 0), gid: integer(row, 1) };
}
