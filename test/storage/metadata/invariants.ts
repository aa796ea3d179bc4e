import { join } from "node:path";
import Database from "better-sqlite3";
import { WORK_STATUSES } from "../../../src/model/work.js";

const STATES = ["unnamed", ...WORK_STATUSES];

/**
 * What must hold in the database between any two transactions: each query finds what breaks a rule,
 * and has a name that says which.
 */
const VIOLATIONS: Readonly<Record<string, string>> = {
  "ref_count is the number of inodes with the hash": `
    SELECT c.hash, c.ref_count, (SELECT count(*) FROM inodes i WHERE i.content_hash = c.hash) AS inodes
    FROM contents c WHERE ref_count <> inodes`,
  "the content of every inode is known": `
    SELECT ino, content_hash FROM inodes
    WHERE content_hash IS NOT NULL AND content_hash NOT IN (SELECT hash FROM contents)`,
  "nlink of anything but a directory is the number of its names": `
    SELECT i.ino, i.nlink, (SELECT count(*) FROM dentries d WHERE d.ino = i.ino) AS names
    FROM inodes i WHERE i.mode >> 12 <> 4 AND i.nlink <> names`,
  "nlink of a directory is two, and one for each directory in it; none when it was removed": `
    SELECT i.ino, i.nlink, (SELECT count(*) FROM dentries d WHERE d.parent = i.ino AND d.type = 4) AS below
    FROM inodes i WHERE i.mode >> 12 = 4 AND i.nlink <>
      CASE WHEN i.ino = 1 OR EXISTS (SELECT 1 FROM dentries d WHERE d.ino = i.ino) THEN 2 + below ELSE 0 END`,
  "a directory has one name at most": `
    SELECT ino, count(*) FROM dentries WHERE type = 4 GROUP BY ino HAVING count(*) > 1`,
  "a name leads to an inode, of the type that it says": `
    SELECT d.* FROM dentries d LEFT JOIN inodes i ON i.ino = d.ino
    WHERE i.ino IS NULL OR i.mode >> 12 <> d.type`,
  "a name is in a directory that has a name itself": `
    SELECT d.* FROM dentries d LEFT JOIN inodes i ON i.ino = d.parent
    WHERE i.ino IS NULL OR i.mode >> 12 <> 4 OR i.nlink = 0`,
  "every directory can be reached from the root": `
    WITH RECURSIVE tree (ino) AS (
      SELECT 1 UNION SELECT d.ino FROM tree JOIN dentries d ON d.parent = tree.ino)
    SELECT ino FROM dentries WHERE type = 4 AND ino NOT IN (SELECT ino FROM tree)`,
  "no two entries of a directory have the same cookie": `
    SELECT parent, cookie FROM dentries GROUP BY parent, cookie HAVING count(*) > 1`,
  "custom metadata belongs to an inode, and has its path id": `
    SELECT m.* FROM file_metadata m LEFT JOIN inodes i ON i.ino = m.ino
    WHERE i.ino IS NULL OR i.path_id <> m.path_id`,
  "system attributes belong to an inode": `
    SELECT ino FROM system_attributes WHERE ino NOT IN (SELECT ino FROM inodes)`,
  "symlinks, and only they, have a target": `
    SELECT coalesce(i.ino, s.ino) FROM (SELECT ino FROM inodes WHERE mode >> 12 = 10) i
    FULL JOIN symlinks s ON s.ino = i.ino WHERE i.ino IS NULL OR s.ino IS NULL`,
  "only regular files have contents": `
    SELECT ino FROM inodes
    WHERE mode >> 12 <> 8 AND (content_hash IS NOT NULL OR staging_id IS NOT NULL)`,
  "a content is staged for one file only": `
    SELECT staging_id FROM inodes WHERE staging_id IS NOT NULL GROUP BY staging_id HAVING count(*) > 1`,
  "the queue has the files with a status, with what their metadata and inodes say": `
    WITH told AS (
      SELECT i.ino, s.value AS status, i.nlink > 0 AS is_named,
        i.btime_sec * 1000000 + i.btime_nsec / 1000 AS created_us,
        iif(typeof(p.value) = 'text' AND p.value = CAST(CAST(p.value AS INTEGER) AS TEXT)
          AND abs(CAST(p.value AS INTEGER)) < 1000000000, CAST(p.value AS INTEGER), 1000000000) AS rank
      FROM inodes i JOIN file_metadata s ON s.ino = i.ino AND s.key = 'status'
        LEFT JOIN file_metadata p ON p.ino = i.ino AND p.key = 'priority'
      WHERE i.mode >> 12 = 8 AND s.value IN
        ('ready', 'pending', 'blocked', 'in_progress', 'completed', 'failed'))
    SELECT * FROM told t FULL JOIN work_items w ON w.ino = t.ino
    WHERE (t.ino, t.status, t.is_named, t.created_us, t.rank)
      IS NOT (w.ino, w.status, w.is_named, w.created_us, w.rank)`,
  "open_dependencies is the number of dependencies that aren't completed": `
    SELECT w.ino, w.open_dependencies,
      (SELECT count(*) FROM work_dependencies d WHERE d.ino = w.ino AND d.is_satisfied = 0) AS open
    FROM work_items w WHERE w.open_dependencies <> open`,
  "a dependency on a file that is there is satisfied when that is completed": `
    SELECT d.* FROM work_dependencies d JOIN inodes i ON i.ino = d.target_ino AND i.nlink > 0
      LEFT JOIN work_items t ON t.ino = d.target_ino
    WHERE d.is_satisfied <> coalesce(t.status = 'completed', 0)`,
  "a dependency belongs to a file that says so": `
    SELECT * FROM work_dependencies WHERE ino NOT IN
      (SELECT m.ino FROM file_metadata m JOIN inodes i ON i.ino = m.ino WHERE m.key = 'depends_on')`,
  "nothing waits for itself": `
    WITH RECURSIVE reach (start, here) AS (
      SELECT ino, target_ino FROM work_dependencies WHERE target_ino IS NOT NULL
      UNION SELECT start, d.target_ino FROM reach JOIN work_dependencies d ON d.ino = here
      WHERE d.target_ino IS NOT NULL)
    SELECT start FROM reach WHERE start = here`,
  "what is blocked by dependencies has an open one": `
    SELECT ino FROM work_items WHERE status = 'blocked' AND open_dependencies = 0
      AND ino IN (SELECT ino FROM work_dependencies)`,
  "only what is in progress was started or is leased": `
    SELECT * FROM work_items WHERE (status = 'in_progress') <> (started_us IS NOT NULL)
      OR lease_end_us IS NOT NULL AND status <> 'in_progress'`,
  "work_counts has as many items of each zone and state as there are": `
    WITH c (zone, state, items) AS (${STATES.map((state) => `SELECT zone, '${state}', ${state} FROM work_counts`).join(" UNION ALL ")})
    SELECT * FROM (SELECT * FROM c WHERE items <> 0) c
    FULL JOIN (SELECT zone, state, count(*) AS items FROM work_items GROUP BY zone, state) w
      ON w.zone = c.zone AND w.state = c.state
    WHERE c.items IS NOT w.items`,
  "numbers in use are below the next one": `
    SELECT max(ino), next_id FROM inodes, store_state HAVING max(ino) >= next_id`,
  "SQLite finds nothing wrong": `
    SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'`,
};

/** The rules that the database of a data directory breaks, with the rows that break them. */
export function brokenInvariants(dataDir: string): Record<string, unknown[]> {
  const database = new Database(join(dataDir, "metadata.db"), { fileMustExist: true });
  try {
    const found = Object.entries(VIOLATIONS).map(
      ([rule, sql]) => [rule, database.prepare(sql).all()] as const,
    );
    return Object.fromEntries(found.filter(([, rows]) => rows.length > 0));
  } finally {
    database.close();
  }
}
