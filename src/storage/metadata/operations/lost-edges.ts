import { FIRST_VIRTUAL_INO, type Ino } from "../../../model/ids.js";
import type { DependencyReference } from "../../../model/work.js";
import { all, command, query, type Row, run, type Script, text } from "../statement.js";
import { meaningOf } from "./work-dependencies.js";

// JavaScript would round what no inode has.
const EDGES = query(
  `SELECT reference, path, path_id, iif(target_ino BETWEEN 1 AND ${FIRST_VIRTUAL_INO - 1}, target_ino, NULL), is_satisfied
   FROM work_dependencies WHERE ino = ? ORDER BY position`,
);
const DELETE_EDGES = command("DELETE FROM work_dependencies WHERE ino = ?");
const INSERT_EDGE = command(
  `INSERT INTO work_dependencies (ino, position, reference, path, path_id, target_ino, is_satisfied)
   VALUES (?, ?, ?, ?, ?, ?, ?)`,
);

/**
 * Gives an item exactly these dependencies, in their order. Those that it has stay as they are: that one was
 * completed by a file that is gone is known nowhere else. What it lacks waits, and the next start looks for what
 * that means. How many are open is counted by the caller.
 */
export function* restoreEdges(ino: Ino, references: readonly DependencyReference[]): Script<void> {
  const had = new Map<string, Row>();
  for (const edge of yield* all(EDGES, ino)) {
    if (!had.has(text(edge, 0))) had.set(text(edge, 0), edge);
  }
  yield* run(DELETE_EDGES, ino);
  for (const [position, reference] of references.entries()) {
    yield* run(INSERT_EDGE, ino, position, ...(had.get(reference.text) ?? waiting(reference)));
  }
}

function waiting(reference: DependencyReference): Row {
  const { path = null, pathId = null } = meaningOf(reference);
  return [reference.text, path, pathId, null, 0];
}
