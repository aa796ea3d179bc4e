import { FIRST_VIRTUAL_INO } from "../../../model/ids.js";
import { IS_WILD_NEXT_ID, SANE_BATCH, SANE_NUMBER, WILD_STATE_NUMBERS } from "../state-numbers.js";
import { command, first, query, run } from "../statement.js";
import { LARGEST_USED } from "./number-rules.js";
import type { Rule } from "./rule.js";

/** Numbers that were given and are in use no more can't be told: so many are left out, which is plenty of them. */
const LEFT_OUT = 1_000_000;
const FAR_BEHIND = `min(${LARGEST_USED} + ${LEFT_OUT}, ${FIRST_VIRTUAL_INO})`;

const HAS_QUEUE = "SELECT 1 FROM pragma_table_info('store_state') WHERE name = 'work_rules'";
/**
 * By no rules: the next start brings it in line. Were there none at all, it would make dependencies anew, and what was
 * completed and deleted is noted nowhere else; only where there is nothing, that is what has to be done.
 */
const KEEP_WORK_INDEX = `UPDATE store_state SET work_rules = ''
  WHERE EXISTS (SELECT 1 FROM work_items) OR EXISTS (SELECT 1 FROM work_dependencies)`;

function isMissing(table: string): string {
  return `NOT EXISTS (SELECT 1 FROM ${table} WHERE id = 1)`;
}

/** Without it, nobody can open the store: it is looked at, and mended, before the journal is replayed. */
export const STORE_STATE: Rule = {
  id: "state.store",
  says: "there is a row of what the store goes on with, of numbers that there can be",
  effect: "the store can't be opened, as numbers would be given twice",
  finds: `SELECT NULL AS ino, detail FROM (
    SELECT 'the row of store_state is missing' AS detail WHERE ${isMissing("store_state")}
    UNION ALL ${WILD_STATE_NUMBERS})`,
  repair: {
    says: "goes on with numbers far behind those in use, and with the journal if that is still told to be of this store",
    *run() {
      yield* run(
        command(`UPDATE store_state SET number = ${SANE_NUMBER}, batch = ${SANE_BATCH},
          next_id = iif(${IS_WILD_NEXT_ID}, ${FAR_BEHIND}, next_id)`),
      );
      const made = yield* run(
        command(`INSERT INTO store_state (id, next_id, batch, number)
          VALUES (1, ${FAR_BEHIND}, 0, random() & 0xffffffff) ON CONFLICT (id) DO NOTHING`),
      );
      if (made === 0) return;
      // A store from before the queue gets its index with its next schema.
      if ((yield* first(query(HAS_QUEUE))) !== undefined) yield* run(command(KEEP_WORK_INDEX));
    },
  },
};

/** What there is one row of. */
export const STATE_RULES: readonly Rule[] = [
  STORE_STATE,
  {
    id: "state.changes",
    says: "there is a row of what is recorded of changes",
    effect: "nobody can watch the store",
    finds: `SELECT NULL AS ino, 'the row of change_state is missing' AS detail WHERE ${isMissing("change_state")}`,
    repair: {
      says: "makes it anew; who watches begins anew, too",
      *run() {
        yield* run(
          command(`INSERT INTO change_state (id, store, removed_through)
            VALUES (1, lower(hex(randomblob(8))), coalesce((SELECT max(seq) FROM changes), 0))`),
        );
      },
    },
  },
  {
    id: "state.scrub",
    says: "there is a row of how far the scrub is",
    effect: "each round of it begins at the beginning",
    finds: `SELECT NULL AS ino, 'the row of scrub_state is missing' AS detail WHERE ${isMissing("scrub_state")}`,
    repair: {
      says: "makes it anew",
      *run() {
        yield* run(command("INSERT INTO scrub_state (id) VALUES (1)"));
      },
    },
  },
];
