import { FIRST_VIRTUAL_INO } from "../../../model/ids.js";
import { command, run } from "../statement.js";
import { impossibleNames, moveImpossible } from "./impossible-names.js";
import { LOST_AND_FOUND } from "./lost-and-found.js";
import { goOnBehind, LARGEST_USED } from "./number-rules.js";
import type { Rule } from "./rule.js";

/** Cookies 1 and 2 are those of "." and "..". */
const LAST_RESERVED = 2;
const IS_NO_COOKIE = `cookie NOT BETWEEN ${LAST_RESERVED + 1} AND ${FIRST_VIRTUAL_INO - 1}`;
const NEEDS_COOKIE = `(${IS_NO_COOKIE} OR EXISTS (SELECT 1 FROM dentries o
  WHERE o.parent = dentries.parent AND o.cookie = dentries.cookie AND o.name < dentries.name))`;

/** The root is where it is: with a name, it lies below itself. Before anything that follows names. */
export const ROOT_NAME: Rule = {
  id: "root.name",
  says: "no name leads to the root",
  effect: "the tree has no end, and programs that walk it may never come back",
  finds: `SELECT parent AS ino, 'the name ' || quote(name) || ' in it leads to the root' AS detail
    FROM dentries WHERE ino = 1`,
  repair: {
    says: "removes the name, and nothing else",
    *run() {
      yield* run(command("DELETE FROM dentries WHERE ino = 1"));
    },
  },
};

/** What a name may be, and its place in a listing. */
export const NAME_RULES: readonly Rule[] = [
  {
    id: "name.legal",
    says: "a name is one that a file can have",
    effect: "it can't be looked up, and listing its directory may fail",
    finds: impossibleNames,
    repair: { says: `moves it to ${LOST_AND_FOUND}`, run: moveImpossible },
  },
  {
    id: "name.cookie",
    says: "no two entries of a directory have the same cookie, and each one that the store gives",
    effect: "listings of the directory may leave entries out",
    finds: `SELECT parent AS ino, count(*) || ' of its entries have the cookie ' || cookie AS detail
      FROM dentries GROUP BY parent, cookie HAVING count(*) > 1 OR ${IS_NO_COOKIE}`,
    repair: {
      says: "gives each its own",
      *run() {
        const most = `(SELECT max(next_id, 1 + ${LARGEST_USED}) FROM store_state)`;
        yield* run(
          command(`UPDATE dentries SET cookie = ${most} + n.row FROM (
              SELECT parent, name, row_number() OVER () AS row FROM dentries WHERE ${NEEDS_COOKIE}) n
            WHERE dentries.parent = n.parent AND dentries.name = n.name`),
        );
        yield* goOnBehind();
      },
    },
  },
];
