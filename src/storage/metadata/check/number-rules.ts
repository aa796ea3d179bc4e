import { NexusError } from "../../../model/errors.js";
import { FIRST_VIRTUAL_INO } from "../../../model/ids.js";
import { all, command, first, integer, query, run, type Script, text } from "../statement.js";
import type { Rule } from "./rule.js";

// Numbers beyond those that a store gives are damage: a bit of one that is there is enough. Nothing goes on behind such
// a number, or there were soon none left to be given; and JavaScript hasn't all of them.

/** The first that no store gives. */
const END = FIRST_VIRTUAL_INO;

/** What says of which inode it is. */
const INODE_COLUMNS = [
  ["inodes", "ino"],
  ["dentries", "ino"],
  ["dentries", "parent"],
  ["symlinks", "ino"],
  ["file_metadata", "ino"],
  ["system_attributes", "ino"],
  ["work_items", "ino"],
  ["work_dependencies", "ino"],
  ["work_dependencies", "target_ino"],
  ["changes", "ino"],
] as const;

const GIVEN_COLUMNS = [
  ["inodes", "ino"],
  ["inodes", "staging_id"],
  ["dentries", "cookie"],
] as const;

type Columns = readonly (readonly [table: string, column: string])[];

/** In halves, each of which an index answers. */
function outside(columns: Columns): string {
  const halves = columns.flatMap(([table, column]) =>
    ["< 1", `>= ${END}`].map((end) => `SELECT ${column} AS n FROM ${table} WHERE ${column} ${end}`),
  );
  return halves.join(" UNION ");
}

function largestIn(columns: Columns): string {
  const each = columns.map(
    ([table, column]) => `SELECT max(${column}) AS n FROM ${table} WHERE ${column} < ${END}`,
  );
  return `(SELECT max(n) FROM (SELECT 2 AS n UNION ALL ${each.join(" UNION ALL ")}))`;
}

/** The largest of the numbers in use that a store gives. */
export const LARGEST_USED = largestIn(GIVEN_COLUMNS);

/** Also of what leads nowhere: an inode that got that number would have it. */
const LARGEST_NAMED = largestIn([...GIVEN_COLUMNS, ...INODE_COLUMNS]);

const WILD_INODES = outside(INODE_COLUMNS);

/** What was staged under a number that JavaScript has is still there; and none is given that could be the same. */
const IS_WILD_STAGING = `(staging_id < 1 OR staging_id > ${Number.MAX_SAFE_INTEGER})`;

/** Before anything that takes a number, or asks for the rows of one. */
export const NUMBER_RULES: readonly Rule[] = [
  {
    id: "inode.number",
    says: "an inode has a number that the store gives",
    effect: "what has it can't be used",
    finds: `SELECT d.parent AS ino, coalesce('its entry ' || quote(d.name) || ' leads to inode ', 'rows are of inode ')
        || w.n || ', a number that no inode has' AS detail
      FROM (${WILD_INODES}) w LEFT JOIN dentries d ON d.ino = w.n GROUP BY w.n`,
    repair: { says: "gives it another one, in all that is of it", run: renumberInodes },
  },
  {
    id: "staging.number",
    says: "a staged content has a number that the store gives",
    effect: "what was written to the file last isn't found",
    finds: `SELECT ino, 'its staged content is ' || staging_id || ', a number that none has' AS detail
      FROM inodes WHERE ${IS_WILD_STAGING}`,
    repair: {
      says: "gives it a number that nothing has: what was staged is put away to lost+found in the data directory",
      *run() {
        const next = yield* firstFree();
        yield* run(
          command(`UPDATE inodes SET staging_id = ? + w.row FROM (
              SELECT ino, row_number() OVER () AS row FROM inodes WHERE ${IS_WILD_STAGING}) w
            WHERE w.ino = inodes.ino`),
          next,
        );
        yield* goOnBehind();
      },
    },
  },
  {
    id: "numbers.next",
    says: "numbers in use are below the next one",
    effect: "a new file could get the number of one that is there",
    finds: `SELECT NULL AS ino, 'the number ' || used || ' is in use, and the next one to be given is '
        || next_id AS detail
      FROM (SELECT ${LARGEST_USED} AS used), store_state WHERE used >= next_id`,
    repair: { says: "goes on after the highest", run: goOnBehind },
  },
];

/** From now on, numbers are given that are behind those in use. */
export function* goOnBehind(): Script<void> {
  yield* run(command(`UPDATE store_state SET next_id = max(next_id, 1 + ${LARGEST_USED})`));
}

/** One number after the other, so what agreed still does, also where the inode itself is lost. */
function* renumberInodes(): Script<void> {
  let next = yield* firstFree();
  // As text: JavaScript hasn't all of them.
  for (const row of yield* all(query(`SELECT CAST(n AS TEXT) FROM (${WILD_INODES})`))) {
    if (next >= END) throw new NexusError("no-space", "there is no number left for an inode");
    for (const [table, column] of INODE_COLUMNS) {
      const give = `UPDATE ${table} SET ${column} = ? WHERE ${column} = CAST(? AS INTEGER)`;
      yield* run(command(give), next, text(row, 0));
    }
    next += 1;
  }
  // Some may be of what is gone in a moment, and is still named.
  yield* run(command("UPDATE store_state SET next_id = max(next_id, ?)"), next);
}

function* firstFree(): Script<number> {
  const row = yield* first(query(`SELECT max(next_id, 1 + ${LARGEST_NAMED}) FROM store_state`));
  return row === undefined ? END : integer(row, 0);
}
