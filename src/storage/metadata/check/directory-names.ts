import type Database from "better-sqlite3";
import { type Ino, ROOT_INO } from "../../../model/ids.js";
import { renewWorkIndex } from "../operations/work-index.js";
import { all, command, integer, query, type Row, run, type Script } from "../statement.js";
import {
  FOUND_NAMESPACE,
  LOST_AND_FOUND,
  type Misplaced,
  misplaced,
  moveNames,
} from "./lost-and-found.js";
import { MISLED_NAMES } from "./misled-names.js";
import { Paths } from "./paths.js";
import type { Finder, RepairTools, Rule } from "./rule.js";

// A directory with two names shows what is in it to those who may see one of them, and has no end if one lies below it.
// Which one is right, the names may tell; where they don't, nobody but an admin sees it from then on.

const DIRECTORY = 4;
/** Of the names of one directory, as many are told of. */
const MOST_TOLD = 5;

/** The names of what is surely a directory and has more than one: its mode says so, and one of them at least. */
const CROWDED = `
  SELECT parent, CAST(name AS BLOB), ino, cookie, type FROM (
    SELECT d.*, count(*) OVER directory AS names, max(d.type = ${DIRECTORY}) OVER directory AS is_said
    FROM inodes i CROSS JOIN dentries d ON d.ino = i.ino
    WHERE i.mode >> 12 = ${DIRECTORY} AND i.ino <> ${ROOT_INO}
      AND (d.parent, d.name) NOT IN (SELECT parent, name FROM (${MISLED_NAMES}))
    WINDOW directory AS (PARTITION BY d.ino))
  WHERE names > 1 AND is_said ORDER BY ino, parent, name`;
const REMOVE = command("DELETE FROM dentries WHERE parent = ? AND name = CAST(? AS TEXT)");

interface DirectoryName extends Misplaced {
  readonly type: number;
}

/** A directory, and what it is called. */
export interface CrowdedDirectory {
  readonly ino: Ino;
  /** Those of its names to which a path leads. */
  readonly paths: readonly string[];
}

/** All that have more than one name. */
export function crowdedDirectories(database: Database.Database): CrowdedDirectory[] {
  const paths = new Paths(database);
  const rows = database.prepare<[], Row>(CROWDED).raw().all();
  return byDirectory(rows).map(({ ino, names }) => ({
    ino,
    paths: names
      .map(({ parent, name }) => paths.in(parent as Ino, Buffer.from(name).toString()))
      .filter((path) => path !== undefined),
  }));
}

/** Before the types of names are mended: that one takes its directory for something else shows which is wrong. */
export const DIRECTORY_NAMES: Rule = {
  id: "directory.names",
  says: "a directory has one name at most",
  effect:
    "who may see one place sees what is in the other, and programs that walk the tree may never end",
  finds: namedTwice,
  repair: {
    says: `leaves it the name that it was made with, if there is no doubt which, and else moves it to ${LOST_AND_FOUND}; record.jsonl in lost+found in the data directory has the others`,
    run: leaveOne,
  },
};

function namedTwice(database: Database.Database): ReturnType<Finder> {
  return crowdedDirectories(database).map(({ ino, paths }) => {
    const more = paths.length > MOST_TOLD ? `, and ${paths.length - MOST_TOLD} more` : "";
    return {
      ino,
      detail: `it has more than one name: ${paths.slice(0, MOST_TOLD).join(", ")}${more}`,
    };
  });
}

function* leaveOne(tools: RepairTools): Script<void> {
  const crowded = byDirectory(yield* all(query(CROWDED))).map(({ names }) => {
    const said = names.filter(({ type }) => type === DIRECTORY);
    return { names, right: rightOf(said), first: said[0] };
  });
  // Then it is clear where the others go.
  for (const { names, right } of crowded) {
    if (right !== undefined) yield* removeBut(right, names);
  }
  for (const { names, right, first } of crowded) {
    if (right !== undefined || first === undefined) continue;
    // While it has all its names, it isn't moved below one of them.
    yield* moveNames(tools, [first]);
    yield* removeBut(first, names);
  }
  yield* renewWorkIndex();
}

function* removeBut(left: DirectoryName, names: readonly DirectoryName[]): Script<void> {
  for (const wrong of names) if (wrong !== left) yield* run(REMOVE, wrong.parent, wrong.name);
}

/** Of names that say that it is a directory; undefined where nothing tells. */
function rightOf(names: readonly DirectoryName[]): DirectoryName | undefined {
  const made = names.filter(({ ino, cookie }) => ino === cookie);
  for (const [only, ...others] of [made, names]) {
    if (only !== undefined && others.length === 0) return only;
  }
  // There, nobody but an admin sees it anyway, and all that is found goes there.
  return names.find(
    ({ parent, name }) => parent === ROOT_INO && Buffer.from(name).toString() === FOUND_NAMESPACE,
  );
}

/** Rows in the order of their directories. */
function byDirectory(
  rows: readonly Row[],
): { readonly ino: Ino; readonly names: readonly DirectoryName[] }[] {
  const directories = new Map<number, DirectoryName[]>();
  for (const row of rows) {
    const name = { ...misplaced(row), type: integer(row, 4) };
    const known = directories.get(name.ino);
    if (known === undefined) directories.set(name.ino, [name]);
    else known.push(name);
  }
  return [...directories].map(([ino, names]) => ({ ino: ino as Ino, names }));
}
