import type { ContentHash } from "../../../model/ids.js";
import { formatTimestamp, parseTimestamp, type Timestamp } from "../../../model/timestamp.js";
import { pathOf } from "../migrations/005-ending-paths.js";
import type { ContentDamage, NeededContent, Problem, ScrubProgress } from "../scrub-store.js";
import {
  all,
  command,
  first,
  integer,
  LIMIT_PARAMETER,
  optionalText,
  query,
  type Row,
  run,
  type Script,
  text,
} from "../statement.js";
import { ascending } from "./ascending.js";

const PROGRESS = query("SELECT position, began_at, ended_at FROM scrub_state WHERE id = 1");
const SET_PROGRESS = command(
  "UPDATE scrub_state SET position = ?, began_at = ?, ended_at = ? WHERE id = 1",
);
const NEEDED_AFTER = query(
  `SELECT hash, size_bytes FROM contents WHERE hash > ? AND ref_count > 0 ORDER BY hash ${LIMIT_PARAMETER}`,
);
const NEEDED = query("SELECT hash, size_bytes FROM contents WHERE hash = ? AND ref_count > 0");
const DAMAGE = query(
  `SELECT d.hash, d.problem, d.detail, d.found_at FROM damaged_contents d
   JOIN contents c ON c.hash = d.hash WHERE c.ref_count > 0 ORDER BY d.hash`,
);
const PATHS = query(
  `SELECT ${pathOf("i.ino")} FROM inodes i WHERE i.content_hash = ? AND i.staging_id IS NULL
   ORDER BY i.ino ${LIMIT_PARAMETER}`,
);
const NOTE_DAMAGE = command(
  `INSERT INTO damaged_contents (hash, problem, detail, found_at) VALUES (?, ?, ?, ?)
   ON CONFLICT (hash) DO UPDATE SET problem = excluded.problem, detail = excluded.detail,
     found_at = excluded.found_at`,
);
const FORGET_DAMAGE = command("DELETE FROM damaged_contents WHERE hash = ?");
const FORGET_ALL_DAMAGE = command("DELETE FROM damaged_contents");

const NEVER: ScrubProgress = { position: undefined, beganAt: undefined, endedAt: undefined };

export function* scrubProgress(): Script<ScrubProgress> {
  const row = yield* first(PROGRESS);
  if (row === undefined) return NEVER;
  return {
    position: optionalText<ContentHash | "">(row, 0),
    beganAt: optionalTime(row, 1),
    endedAt: optionalTime(row, 2),
  };
}

export function* setScrubProgress(progress: ScrubProgress): Script<void> {
  const { position, beganAt, endedAt } = progress;
  const [began, ended] = [beganAt, endedAt].map((time) => time && formatTimestamp(time));
  yield* run(SET_PROGRESS, position ?? null, began ?? null, ended ?? null);
}

export function* neededAfter({
  after,
  limit,
}: {
  after: ContentHash | "";
  limit: number;
}): Script<readonly NeededContent[]> {
  return ascending((yield* all(NEEDED_AFTER, after, limit)).map(neededContent), after);
}

export function* needed(hash: ContentHash): Script<NeededContent | undefined> {
  const row = yield* first(NEEDED, hash);
  return row === undefined ? undefined : neededContent(row);
}

export function* damage(): Script<ContentDamage[]> {
  const rows = yield* all(DAMAGE);
  return rows.map((row) => ({
    hash: text(row, 0) as ContentHash,
    problem: text(row, 1) as Problem,
    detail: text(row, 2),
    foundAt: optionalTime(row, 3) ?? { sec: 0, nsec: 0 },
  }));
}

export function* pathsWith({
  hash,
  limit,
}: {
  hash: ContentHash;
  limit: number;
}): Script<string[]> {
  const rows = yield* all(PATHS, hash, limit);
  return rows.flatMap((row) => optionalText<string>(row, 0) ?? []);
}

export function* noteDamage({ hash, problem, detail, foundAt }: ContentDamage): Script<void> {
  yield* run(NOTE_DAMAGE, hash, problem, detail, formatTimestamp(foundAt));
}

export function* forgetDamage(hash: ContentHash): Script<void> {
  yield* run(FORGET_DAMAGE, hash);
}

/** A copy of the store has files of its own, which nobody has read yet. */
export function* forgetScrub(): Script<void> {
  yield* run(FORGET_ALL_DAMAGE);
  yield* setScrubProgress(NEVER);
}

function neededContent(row: Row): NeededContent {
  return { hash: text(row, 0) as ContentHash, sizeBytes: integer(row, 1) };
}

function optionalTime(row: Row, column: number): Timestamp | undefined {
  const time = optionalText<string>(row, column);
  return time === undefined ? undefined : parseTimestamp(time);
}
