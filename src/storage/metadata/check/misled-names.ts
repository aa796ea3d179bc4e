import { command, run } from "../statement.js";
import type { Rule } from "./rule.js";

// A name is made with the number of its inode as its cookie, which no other entry has, and keeps that while it is
// moved within its directory. So where it leads elsewhere, it tells where it should lead; a file that was replaced by a
// rename is gone then. Link counts, which nobody changed, have to tell the same.

/** How many names the link count of an inode speaks of. A directory's is about what is in it, too. */
const linked = (inode: string) =>
  `iif(${inode}.mode >> 12 = 4, min(${inode}.nlink, 1), ${inode}.nlink)`;
const named = (inode: string) => `(SELECT count(*) FROM dentries n WHERE n.ino = ${inode}.ino)`;

/**
 * Entries that lead to an inode that isn't there, or has more names than it should, and that were made with one of the
 * same type that has fewer: rows of parent, name, `ino` and `own`, which it was made with. Linear in the entries.
 */
export const MISLED_NAMES = `
  SELECT d.parent, d.name, d.ino, d.cookie AS own
  FROM dentries d CROSS JOIN inodes own ON own.ino = d.cookie
  WHERE d.cookie <> d.ino AND own.mode >> 12 = d.type AND ${named("own")} < ${linked("own")}
    AND coalesce((SELECT ${named("led")} > ${linked("led")} FROM inodes led WHERE led.ino = d.ino), TRUE)
    AND d.cookie NOT IN (SELECT cookie FROM dentries GROUP BY cookie HAVING count(*) > 1)`;

export const MISLED: Rule = {
  id: "name.misled",
  says: "no name leads elsewhere while the inode that it was made with lacks one",
  effect: "the file can't be reached, and its name shows something else, maybe of somebody else",
  finds: `SELECT parent AS ino, 'the name ' || quote(name) || ' in it leads to inode ' || ino
      || ', and was made with ' || own || ', which lacks a name' AS detail
    FROM (${MISLED_NAMES})`,
  repair: {
    says: "has it lead to the inode that it was made with",
    *run() {
      yield* run(
        command(`UPDATE dentries SET ino = m.own FROM (${MISLED_NAMES}) m
          WHERE dentries.parent = m.parent AND dentries.name = m.name`),
      );
    },
  },
};
