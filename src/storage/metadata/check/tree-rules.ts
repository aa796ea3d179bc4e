import { initialize } from "../operations/initialize.js";
import { all, command, integer, query, run } from "../statement.js";
import { circleBreakers, circlesOf, type Edge } from "./circles.js";
import { DIRECTORY_NAMES } from "./directory-names.js";
import { LOST_AND_FOUND, moveFound, nameUnnamed } from "./lost-and-found.js";
import { HOMELESS_NAMES, LOST_DIRECTORIES, namesOf, UNNAMED_INODES } from "./lost-places.js";
import { MISLED, MISLED_NAMES } from "./misled-names.js";
import { NAME_RULES, ROOT_NAME } from "./name-rules.js";
import type { Rule } from "./rule.js";
import { INODE_TYPE, NAMED_TYPE_RULES } from "./type-rules.js";

const NAMES = "(SELECT count(*) FROM dentries d WHERE d.ino = i.ino)";
const BELOW = "(SELECT count(*) FROM dentries d WHERE d.parent = i.ino AND d.type = 4)";
const IS_DIRECTORY = "i.mode >> 12 = 4";
const LINKS = `CASE WHEN ${IS_DIRECTORY} THEN 2 + ${BELOW} ELSE ${NAMES} END`;
const HAS_NAME = `(i.ino = 1 OR EXISTS (SELECT 1 FROM dentries d WHERE d.ino = i.ino))`;

/** Without one there is no place for anything. */
export const ROOT_KIND: Rule = {
  id: "root.directory",
  says: "the root is a directory",
  effect: "the store can't be used, and isn't mended or opened by a repair: restore a backup",
  finds: `SELECT ino, 'the root is no directory' AS detail FROM inodes i WHERE ino = 1 AND NOT ${IS_DIRECTORY}`,
};

/** Names and directories, in the order in which they are mended. */
export const TREE_RULES: readonly Rule[] = [
  ROOT_KIND,
  {
    id: "root.there",
    says: "there is a root directory",
    effect: "the store can't be opened",
    finds: `SELECT 1 AS ino, 'the root directory is missing' AS detail
      WHERE NOT EXISTS (SELECT 1 FROM inodes WHERE ino = 1)`,
    repair: {
      says: "makes an empty one; what was in it is in it again",
      *run({ now, newPathId, owner }) {
        yield* initialize({ pathId: newPathId(), now, ...owner });
      },
    },
  },
  ROOT_NAME,
  MISLED,
  {
    id: "name.inode",
    says: "a name leads to an inode",
    effect: "the name can't be looked up, and its directory can't be removed",
    finds: `SELECT d.parent AS ino, 'the name ' || quote(d.name) || ' in it leads to inode ' || d.ino
        || ', which isn''t there' AS detail
      FROM dentries d WHERE d.ino NOT IN (SELECT ino FROM inodes)
        AND (d.parent, d.name) NOT IN (SELECT parent, name FROM (${MISLED_NAMES}))`,
    repair: {
      says: "notes the name, and what metadata it has, in lost+found in the data directory, and removes it",
      *run() {
        yield* run(command("DELETE FROM dentries WHERE ino NOT IN (SELECT ino FROM inodes)"));
      },
    },
  },
  INODE_TYPE,
  DIRECTORY_NAMES,
  ...NAMED_TYPE_RULES,
  ...NAME_RULES,
  {
    id: "inode.named",
    says: "an inode that isn't about to be deleted has a name",
    effect: "it can't be reached, and takes room for ever",
    finds: `SELECT ino, 'it has no name' AS detail FROM (${UNNAMED_INODES})
      WHERE ino NOT IN (SELECT own FROM (${MISLED_NAMES}))`,
    repair: { says: `gives it a name in ${LOST_AND_FOUND}`, run: nameUnnamed },
  },
  {
    id: "name.directory",
    says: "a name is in a directory that has a name itself",
    effect: "what the name leads to can't be reached",
    finds: `SELECT ino, 'its name ' || quote(name) || ' is in the directory ' || parent
      || ', which isn''t there' AS detail FROM (${HOMELESS_NAMES})`,
    repair: {
      says: `moves it to ${LOST_AND_FOUND}`,
      run: (tools) => moveFound(tools, HOMELESS_NAMES),
    },
  },
  {
    id: "directory.reachable",
    says: "every directory can be reached from the root",
    effect: "it can't be reached, and neither can what is in it",
    finds: (database) => {
      const circles = circlesOf(database.prepare<[], Edge>(LOST_DIRECTORIES).raw().iterate());
      return circles.flat().map((ino) => ({ ino, detail: "it lies below itself" }));
    },
    repair: {
      says: `moves one of those that lie in each other to ${LOST_AND_FOUND}`,
      *run(tools) {
        const rows = yield* all(query(LOST_DIRECTORIES));
        const edges = rows.map((row): Edge => [integer(row, 0), integer(row, 1)]);
        yield* moveFound(tools, namesOf(circleBreakers(edges)));
      },
    },
  },
  {
    id: "inode.links",
    says: "nlink is the number of names; of a directory two, and one for each directory in it",
    effect: "deleting one of its names may delete it while it has others, or keep it for ever",
    finds: `SELECT i.ino, 'its link count is ' || i.nlink || ' and should be ' || ${LINKS} AS detail
      FROM inodes i WHERE ${HAS_NAME} AND i.nlink <> ${LINKS}`,
    repair: {
      says: "counts anew",
      *run() {
        yield* run(
          command(
            `UPDATE inodes AS i SET nlink = ${LINKS} WHERE ${HAS_NAME} AND i.nlink <> ${LINKS}`,
          ),
        );
      },
    },
  },
];
