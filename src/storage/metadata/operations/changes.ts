import { type Ino, ROOT_INO } from "../../../model/ids.js";
import type { ChangeDetails, InodeChange } from "../change-store.js";
import type { EntryName } from "../metadata-store.js";
import {
  ASK_RECORDING_TIME,
  all,
  command,
  first,
  integer,
  query,
  recordingTime,
  run,
  type Script,
  type SqlValue,
  text,
} from "../statement.js";

// What operations record for those who watch, each in its own transaction. While nobody watches, none of
// this looks at anything; every operation comes here then, so it asks without a generator more for that.

/** Who has given a file more names than this hears of these. */
const MOST_NAMES = 100;

const PARENT = query("SELECT parent, name FROM dentries WHERE ino = ?");
const NAMES = query(
  `SELECT parent, name, type FROM dentries WHERE ino = ? ORDER BY parent, name LIMIT ${MOST_NAMES}`,
);
const INSERT = command(
  `INSERT INTO changes (at_sec, at_nsec, kind, ino, type, path, old_path, is_new, metadata_keys, status, old_status)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
);
const LAST_OF = query(
  "SELECT seq, kind, path FROM changes WHERE ino = ? ORDER BY seq DESC LIMIT 1",
);
const DELETE = command("DELETE FROM changes WHERE seq = ?");

/** An inode, as one of its names led to it. */
export interface NamedInode extends EntryName {
  readonly ino: Ino;
  /** With the type bits. */
  readonly mode: number;
}

/** The name leads to the inode now. `isNew` is false when it, or what is below it, was there before. */
export function* recordCreated(named: NamedInode & { isNew: boolean }): Script<void> {
  if ((yield ASK_RECORDING_TIME) === undefined) return;
  yield* recordName(named, { kind: "created", isNew: named.isNew });
}

/** The name leads to it no more. */
export function* recordRemoved(named: NamedInode): Script<void> {
  if ((yield ASK_RECORDING_TIME) === undefined) return;
  yield* recordName(named, { kind: "removed" });
}

/** The inode has the name in place of `from`. */
export function* recordRenamed(named: NamedInode, from: EntryName): Script<void> {
  if ((yield ASK_RECORDING_TIME) === undefined) return;
  const oldPath = yield* pathOfEntry(from);
  if (oldPath !== undefined) yield* recordName(named, { kind: "renamed", oldPath });
}

/** Something happened to the inode. One without a name is nowhere, and nobody hears of it. */
export function* recordChange(ino: Ino, change: InodeChange): Script<void> {
  if ((yield ASK_RECORDING_TIME) === undefined) return;
  for (const row of yield* all(NAMES, ino)) {
    const entry = { parent: integer(row, 0) as Ino, name: text(row, 1) };
    yield* recordName({ ...entry, ino, mode: integer(row, 2) << 12 }, change);
  }
}

function* recordName({ parent, name, ino, mode }: NamedInode, change: ChangeDetails): Script<void> {
  const time = yield* recordingTime();
  if (time === undefined) return;
  const path = yield* pathOfEntry({ parent, name });
  if (path === undefined) return;
  const before = change.kind === "modified" ? yield* first(LAST_OF, ino) : undefined;
  const type = mode >>> 12;
  yield* run(INSERT, time.sec, time.nsec, change.kind, ino, type, path, ...columnsOf(change));
  // Nothing happened to the file since this was said last, so once will do. The new row comes first: its
  // number must not be that of a row which somebody has seen.
  if (before !== undefined && before[1] === "modified" && before[2] === path) {
    yield* run(DELETE, integer(before, 0));
  }
}

/** `old_path`, `is_new`, `metadata_keys`, `status`, `old_status`. */
function columnsOf(change: ChangeDetails): SqlValue[] {
  switch (change.kind) {
    case "created":
      return [null, Number(change.isNew), null, null, null];
    case "renamed":
      return [change.oldPath, null, null, null, null];
    case "metadata":
      return [null, null, JSON.stringify(change.keys), null, null];
    case "work":
      return [null, null, null, change.status ?? null, change.oldStatus ?? null];
    case "removed":
    case "modified":
    case "attributes":
    case "started":
      return [null, null, null, null, null];
  }
}

/** Undefined below a directory that was removed, or that damage has put below itself. */
function* pathOfEntry({ parent, name }: EntryName): Script<string | undefined> {
  let path = `/${name}`;
  const seen = new Set<Ino>();
  for (let at = parent; at !== ROOT_INO; ) {
    const row = seen.has(at) ? undefined : yield* first(PARENT, at);
    if (row === undefined) return undefined;
    seen.add(at);
    path = `/${text(row, 1)}${path}`;
    at = integer(row, 0) as Ino;
  }
  return path;
}
