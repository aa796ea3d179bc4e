import { S_IFDIR, S_IFMT } from "../../../model/attributes.js";
import { NexusError } from "../../../model/errors.js";
import { type Ino, ROOT_INO } from "../../../model/ids.js";
import type { EntryName } from "../metadata-store.js";
import { create } from "../operations/create.js";
import { findEntry } from "../operations/remove.js";
import { renewWorkIndex } from "../operations/work-index.js";
import { all, command, first, integer, query, type Row, run, type Script } from "../statement.js";
import { UNNAMED_INODES } from "./lost-places.js";
import type { RepairTools } from "./rule.js";

// What has lost its place gets one where nobody sees it who didn't before. Whose it was, only its path
// said; so it goes to the namespace that is for admins alone, whoever's it was.

/** The namespace for admins alone. */
export const FOUND_NAMESPACE = "system";
const NAMES = [FOUND_NAMESPACE, "lost+found"] as const;

/** Where that is, in the namespace. */
export const LOST_AND_FOUND = `/${NAMES.join("/")}`;

const TAKE_ID = command(
  "UPDATE store_state SET next_id = next_id + 1 WHERE id = 1 RETURNING next_id - 1",
);
const COUNT_NAMES = query("SELECT count(*) FROM dentries WHERE ino = ?");
// The name in bytes: one that isn't UTF-8 is another one as a text of JavaScript.
const MOVE = command(
  "UPDATE OR IGNORE dentries SET parent = ?, name = ? WHERE parent = ? AND name = CAST(? AS TEXT)",
);
const ADD_NAME = command(
  `INSERT INTO dentries (parent, name, ino, cookie, type) VALUES (?, ?, ?, ?, ?)
   ON CONFLICT (parent, name) DO NOTHING`,
);

/** An entry that is moved, whatever its name is. */
export interface Misplaced {
  readonly parent: number;
  readonly name: Uint8Array;
  readonly ino: number;
  readonly cookie: number;
}

/** Moves the names that a query finds: rows of parent, name, ino and cookie. */
export function* moveFound(tools: RepairTools, finds: string): Script<void> {
  const found = query(`SELECT parent, CAST(name AS BLOB), ino, cookie FROM (${finds})`);
  yield* moveNames(tools, (yield* all(found)).map(misplaced));
}

/** Of a row of parent, name in bytes, ino and cookie. */
export function misplaced(row: Row): Misplaced {
  const [parent, ino, cookie] = [integer(row, 0), integer(row, 2), integer(row, 3)];
  return { parent, name: row[1] as Uint8Array, ino, cookie };
}

export function* moveNames(tools: RepairTools, names: readonly Misplaced[]): Script<void> {
  for (const { parent, name, ino, cookie } of names) {
    const place = yield* lostAndFound(tools);
    const isMoved =
      (yield* run(MOVE, place, nameOf(ino), parent, name)) > 0 ||
      (yield* run(MOVE, place, `${nameOf(ino)}-${cookie}`, parent, name)) > 0;
    if (!isMoved) throw taken(ino);
    // Which zone a work item is in follows from its path.
    yield* renewWorkIndex();
  }
}

/** Gives a name to each inode that should have one. */
export function* nameUnnamed(tools: RepairTools): Script<void> {
  for (const row of yield* all(query(UNNAMED_INODES))) {
    const ino = integer(row, 0);
    const place = yield* lostAndFound(tools);
    const cookie = yield* takeId();
    if ((yield* run(ADD_NAME, place, nameOf(ino), ino, cookie, integer(row, 1))) === 0) {
      throw taken(ino);
    }
    // Which zone a work item is in follows from its path.
    yield* renewWorkIndex();
  }
}

/**
 * The directory, made if it isn't there. Its owner's alone, also where permissions are all that counts. With a number
 * behind its name where that leads to something else: a file, or a directory that has another name, too, by which
 * others may see what is in it. Errors: `not-a-directory` when that is so of the namespace itself.
 */
function* lostAndFound({ now, newPathId, owner }: RepairTools): Script<Ino> {
  let parent: Ino = ROOT_INO;
  for (const wanted of NAMES) {
    const { name, found } = yield* directoryOrFree({ parent, name: wanted });
    if (found !== undefined) {
      parent = found;
      continue;
    }
    const made = yield* create({
      ...{ parent, name, ino: (yield* takeId()) as Ino, pathId: newPathId() },
      ...{ mode: S_IFDIR | (wanted === NAMES[0] ? 0o755 : 0o700), ...owner, rdev: 0, now },
      ...{ tenantId: undefined, agentId: undefined, mimeType: undefined },
    });
    parent = made.ino;
  }
  return parent;
}

/** The directory of that name, or a name for one. */
function* directoryOrFree({
  parent,
  name,
}: EntryName): Script<{ readonly name: string; readonly found: Ino | undefined }> {
  for (let number = 1; ; number++) {
    const numbered = number === 1 ? name : `${name}.${number}`;
    const found = yield* findEntry({ parent, name: numbered });
    if (found === undefined) return { name: numbered, found: undefined };
    const isDirectory = (found.mode & S_IFMT) === S_IFDIR;
    if (isDirectory && (yield* hasOneName(found.ino))) return { name: numbered, found: found.ino };
    if (name === FOUND_NAMESPACE) {
      const path = `/${name}`;
      const is = isDirectory ? "a directory with another name, too" : "no directory";
      throw new NexusError("not-a-directory", `${path} is ${is}: move it away first`, { path });
    }
  }
}

/** Then it is where it was found, and nowhere else. The root has none. */
function* hasOneName(ino: Ino): Script<boolean> {
  const row = yield* first(COUNT_NAMES, ino);
  return ino !== ROOT_INO && row !== undefined && integer(row, 0) === 1;
}

function* takeId(): Script<number> {
  const row = yield* first(TAKE_ID);
  return row === undefined ? 0 : integer(row, 0);
}

function nameOf(ino: number): string {
  return `ino-${ino}`;
}

function taken(ino: number): NexusError {
  const path = `${LOST_AND_FOUND}/${nameOf(ino)}`;
  return new NexusError("already-exists", `${path} is there already: move it away first`, { path });
}
