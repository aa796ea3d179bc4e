import { S_IFDIR } from "../../../model/attributes.js";
import { NexusError } from "../../../model/errors.js";
import { type Ino, ROOT_INO } from "../../../model/ids.js";
import { create } from "../operations/create.js";
import { findEntry } from "../operations/remove.js";
import { all, command, first, integer, query, run, type Script, text } from "../statement.js";
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
const MOVE = command(
  "UPDATE OR IGNORE dentries SET parent = ?, name = ? WHERE parent = ? AND name = ?",
);
const ADD_NAME = command(
  `INSERT INTO dentries (parent, name, ino, cookie, type) VALUES (?, ?, ?, ?, ?)
   ON CONFLICT (parent, name) DO NOTHING`,
);
/** Which zone a work item is in follows from its path: the next start looks again. */
const RENEW_ZONES = command("UPDATE store_state SET work_rules = '' WHERE id = 1");

/** Moves the names that a query finds: rows of parent, name, ino and cookie. */
export function* moveNames(tools: RepairTools, finds: string): Script<void> {
  for (const row of yield* all(query(finds))) {
    const ino = integer(row, 2);
    const place = yield* lostAndFound(tools);
    const from = [integer(row, 0), text(row, 1)] as const;
    const isMoved =
      (yield* run(MOVE, place, nameOf(ino), ...from)) > 0 ||
      (yield* run(MOVE, place, `${nameOf(ino)}-${integer(row, 3)}`, ...from)) > 0;
    if (!isMoved) throw taken(ino);
    yield* run(RENEW_ZONES);
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
    yield* run(RENEW_ZONES);
  }
}

/** The directory, made if it isn't there. Its owner's alone, also where permissions are all that counts. */
function* lostAndFound({ now, newPathId, owner }: RepairTools): Script<Ino> {
  let parent: Ino = ROOT_INO;
  for (const name of NAMES) {
    const found = yield* findEntry({ parent, name });
    if (found !== undefined) {
      parent = found.ino;
      continue;
    }
    const made = yield* create({
      ...{ parent, name, ino: (yield* takeId()) as Ino, pathId: newPathId() },
      ...{ mode: S_IFDIR | (name === NAMES[0] ? 0o755 : 0o700), ...owner, rdev: 0, now },
      ...{ tenantId: undefined, agentId: undefined, mimeType: undefined },
    });
    parent = made.ino;
  }
  return parent;
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
