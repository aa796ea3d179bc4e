// What can't be reached from the root, by why: each is the end of a way up. What lies below it isn't told of.

/** Names whose directory isn't there, is none, or was removed. */
export const HOMELESS_NAMES = `
  SELECT d.parent, d.name, d.ino, d.cookie FROM dentries d LEFT JOIN inodes p ON p.ino = d.parent
  WHERE p.ino IS NULL OR p.mode >> 12 <> 4 OR p.ino <> 1 AND p.nlink = 0
    AND NOT EXISTS (SELECT 1 FROM dentries up WHERE up.ino = d.parent)`;

/** Inodes without a name that aren't on their way to be deleted. */
export const UNNAMED_INODES = `
  SELECT i.ino, i.mode >> 12 AS type FROM inodes i
  WHERE i.nlink <> 0 AND i.ino <> 1 AND NOT EXISTS (SELECT 1 FROM dentries d WHERE d.ino = i.ino)`;

/** The directories that can't be reached (`lost`), and what each is below (`up`: start, here). */
const UP_FROM_LOST = `
  WITH RECURSIVE
  tree (ino) AS (
    SELECT 1 UNION SELECT d.ino FROM tree JOIN dentries d ON d.parent = tree.ino WHERE d.type = 4),
  lost (ino, parent) AS (
    SELECT ino, parent FROM dentries WHERE type = 4 AND ino NOT IN (SELECT ino FROM tree)),
  up (start, here) AS (
    SELECT ino, parent FROM lost UNION SELECT start, l.parent FROM up JOIN lost l ON l.ino = up.here)`;

/** Directories that lie below themselves. */
export const CYCLES = `${UP_FROM_LOST} SELECT start AS ino FROM up WHERE here = start`;

/** The name of one directory of each cycle: without it, the others are a tree. */
export const NAMES_THAT_CLOSE_CYCLES = `${UP_FROM_LOST}
  SELECT d.parent, d.name, d.ino, d.cookie FROM dentries d WHERE d.type = 4 AND d.ino IN (
    SELECT start FROM up GROUP BY start HAVING start = min(here))`;
