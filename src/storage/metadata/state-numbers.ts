import { FIRST_VIRTUAL_INO } from "../../model/ids.js";

/** A column of `store_state`: the journal and JavaScript have no other numbers than these. */
interface StateNumber {
  readonly column: "number" | "batch" | "next_id";
  readonly least: number;
  readonly most: number;
}

const NUMBER: StateNumber = { column: "number", least: 0, most: 2 ** 32 - 1 };
/** With a thousand commits in each second, a store comes to that many in 35 years. */
const BATCH: StateNumber = { column: "batch", least: 0, most: 2 ** 40 - 1 };
const NEXT_ID: StateNumber = { column: "next_id", least: 1, most: FIRST_VIRTUAL_INO };

/** Leaves a batch that is counted on from for as long again. */
const BATCH_BITS = 2 ** 39 - 1;

function isWild({ column, least, most }: StateNumber): string {
  return `${column} NOT BETWEEN ${least} AND ${most}`;
}

export const IS_WILD_NEXT_ID = isWild(NEXT_ID);

/**
 * In SQL: what the row says of its journal, without the bits that can't be in it. Where these were all that was wrong,
 * it is the journal's again; and where not, it is no journal's, but for one in four thousand millions.
 */
export const SANE_NUMBER = `(number & ${NUMBER.most})`;
export const SANE_BATCH = `iif(${isWild(BATCH)}, batch & ${BATCH_BITS}, batch)`;

/** In SQL: a row of `detail`, in words, for each number that can't be one. */
export const WILD_STATE_NUMBERS = [NUMBER, BATCH, NEXT_ID]
  .map(
    (
      each,
    ) => `SELECT 'store_state has ${each.column} ' || ${each.column} || ', and it is from ${each.least} to ${each.most}'
      AS detail FROM store_state WHERE ${isWild(each)}`,
  )
  .join(" UNION ALL ");
