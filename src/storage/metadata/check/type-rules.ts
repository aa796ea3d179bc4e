import { command, run } from "../statement.js";
import type { Rule } from "./rule.js";

// The type of an inode is in its mode and in each of its names, and what belongs to it shows it, too: only regular
// files have contents, symlinks targets, and directories names in them. Where these don't agree, what two of them
// say is true; with one against one, nobody knows.

/** Those of `struct dirent` that there are: mode >> 12. */
const KNOWN = "(1, 2, 4, 6, 8, 10, 12)";
const HAS_CONTENT = "(i.content_hash IS NOT NULL OR i.staging_id IS NOT NULL)";
const HAS_TARGET = "(i.ino IN (SELECT ino FROM symlinks))";
const HAS_NAMES_IN_IT = "EXISTS (SELECT 1 FROM dentries b WHERE b.parent = i.ino)";
const NAMES = "FROM dentries d WHERE d.ino = i.ino";

/** Whether mode and names of an inode `i` agree on a type that there is. */
export const HAS_CLEAR_TYPE = `(i.mode >> 12 IN ${KNOWN}
  AND NOT EXISTS (SELECT 1 ${NAMES} AND d.type <> i.mode >> 12))`;

/**
 * The inodes without one: what the mode says (`own`), what all the names say, what shows (0: several), and what is
 * `right`.
 */
const UNCLEAR = `
  SELECT *, CASE
    WHEN named IN ${KNOWN} AND (shown = named OR shown IS NULL AND own NOT IN ${KNOWN}) THEN named
    WHEN has_name = 0 THEN nullif(shown, 0)
    WHEN own IN ${KNOWN} AND (shown = own OR shown IS NULL AND has_known = 0) THEN own END AS right
  FROM (
    SELECT i.ino, i.mode >> 12 AS own, EXISTS (SELECT 1 ${NAMES}) AS has_name,
      EXISTS (SELECT 1 ${NAMES} AND d.type IN ${KNOWN}) AS has_known,
      (SELECT iif(min(d.type) = max(d.type), min(d.type), NULL) ${NAMES}) AS named,
      CASE ${HAS_CONTENT} + ${HAS_TARGET} + ${HAS_NAMES_IN_IT}
        WHEN 0 THEN NULL
        WHEN 1 THEN CASE WHEN ${HAS_CONTENT} THEN 8 WHEN ${HAS_TARGET} THEN 10 ELSE 4 END
        ELSE 0 END AS shown
    FROM inodes i WHERE i.ino <> 1 AND NOT ${HAS_CLEAR_TYPE})`;

/** Mended before anything that goes by the type. */
export const INODE_TYPE: Rule = {
  id: "inode.type",
  says: "an inode is of the type that its names and what belongs to it show",
  effect: "it can't be used as what it is",
  finds: `SELECT ino, 'its mode says type ' || own || ', and it is ' || right AS detail
    FROM (${UNCLEAR}) WHERE right <> own`,
  repair: {
    says: "has the mode say what it is; the permissions stay",
    *run() {
      yield* run(
        command(`UPDATE inodes SET mode = (mode & 0xfff) | (u.right << 12)
          FROM (${UNCLEAR}) u WHERE u.ino = inodes.ino AND u.right <> u.own`),
      );
    },
  },
};

/** The types of names, when no directory has several. */
export const NAMED_TYPE_RULES: readonly Rule[] = [
  {
    id: "name.type",
    says: "a name says what type its inode is of",
    effect: "listings take it for something else",
    finds: `SELECT d.ino, 'its name says type ' || d.type || ', and it is ' || u.own AS detail
      FROM (${UNCLEAR}) u JOIN dentries d ON d.ino = u.ino
      WHERE u.right = u.own AND d.type <> u.own`,
    repair: {
      says: "has the name say what the inode is",
      *run() {
        yield* run(
          command(`UPDATE dentries SET type = u.own FROM (${UNCLEAR}) u
            WHERE u.ino = dentries.ino AND u.right = u.own AND type <> u.own`),
        );
      },
    },
  },
  {
    id: "inode.type-known",
    says: "it is clear what type an inode is of",
    effect: "programs take it for what it isn't",
    finds: `SELECT ino, 'its mode says type ' || own
        || iif(named IS NULL, '', ', its name ' || named) || ', and nothing shows what it is' AS detail
      FROM (${UNCLEAR}) WHERE right IS NULL`,
  },
];
