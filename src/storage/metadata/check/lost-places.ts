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

/** Directories that can't be reached, each with those that it is in and that can't be either. */
export const LOST_DIRECTORIES = `
  WITH RECURSIVE tree (ino) AS (
    SELECT 1 UNION SELECT d.ino FROM tree JOIN dentries d ON d.parent = tree.ino WHERE d.type = 4)
  SELECT ino, parent FROM dentries
  WHERE type = 4 AND ino NOT IN (SELECT ino FROM tree) AND parent NOT IN (SELECT ino FROM tree)`;

/** The names of these directories. */
export function namesOf(directories: readonly number[]): string {
  return `SELECT parent, name, ino, cookie FROM dentries WHERE type = 4 AND ino IN (${directories.join(", ")})`;
}
