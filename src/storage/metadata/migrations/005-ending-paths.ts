import { filePaths } from "./001-initial.js";
import { workViews } from "./002-work.js";
import { damagedFiles } from "./004-scrub.js";
import type { Migration } from "./migration.js";

/** The entry that counts, of a directory that has several: damage has made them. */
function nameOf(ino: string, column: "parent" | "name"): string {
  return `(SELECT ${column} FROM dentries WHERE ino = ${ino} ORDER BY parent, name LIMIT 1)`;
}

/**
 * One name of an inode as a path; NULL when it has none, or none that leads up to the root. Damage may have put
 * a directory below itself, at any depth, and there is no depth that a tree can't have (a program may go down
 * step by step, with paths as short as it likes). So the way up is compared with one of its own steps, the last
 * whose number is a power of two: it comes by that again if and only if it leads round (R. Brent, "An improved
 * Monte Carlo factorization algorithm", 1980), within three times as many steps as there are directories on it. `shown`
 * is how each name is written.
 */
export function pathOf(ino: string, shown = (name: string) => name): string {
  return `(
  WITH RECURSIVE up (ino, path, mark, step) AS (
    SELECT parent, '/' || ${shown("name")}, 0, 1 FROM (SELECT parent, name FROM dentries WHERE ino = ${ino} ORDER BY parent, name LIMIT 1)
    UNION ALL
    SELECT ${nameOf("up.ino", "parent")}, '/' || ${shown(nameOf("up.ino", "name"))} || path,
      CASE WHEN step & (step - 1) = 0 THEN ino ELSE mark END, step + 1
    FROM up WHERE ino <> 1 AND ino <> mark
  )
  SELECT path FROM up WHERE ino = 1)`;
}

/** A directory is there by the entry that counts: those that lie in each other can't be reached by these. */
const TREE = `WITH RECURSIVE tree (ino, type, path) AS (
  SELECT ino, type, '/' || name FROM dentries WHERE parent = 1 AND ino <> 1
  UNION ALL
  SELECT d.ino, d.type, tree.path || '/' || d.name
  FROM tree JOIN dentries d ON d.parent = tree.ino
  WHERE tree.type = 4 AND (d.type <> 4 OR (d.parent, d.name) = (
    SELECT parent, name FROM dentries WHERE ino = d.ino ORDER BY parent, name LIMIT 1))
)`;

/**
 * Notes on the choices:
 * - The views had no end where damage has put a directory below itself: a program that read them, the start of a
 *   store and a repair stood still. What can't be reached from the root has no path, and is in no `file_paths`.
 */
export const endingPaths: Migration = {
  version: 5,
  sql: `
DROP VIEW IF EXISTS file_paths;
DROP VIEW IF EXISTS ready_work_items;
DROP VIEW IF EXISTS pending_work_items;
DROP VIEW IF EXISTS blocked_work_items;
DROP VIEW IF EXISTS in_progress_work;
DROP VIEW IF EXISTS work_by_priority;
DROP VIEW IF EXISTS damaged_files;
${filePaths(TREE)}
${workViews(pathOf)}
${damagedFiles(pathOf)}
`,
};
