import { formatTimestamp } from "../../../model/timestamp.js";
import type { At } from "../metadata-store.js";
import { command, run, type Script } from "../statement.js";

// The list of contents follows from what inodes say they have. Where it doesn't, that is damage, which can be mended.

/** In SQL: how many inodes have the content `c`. */
export const REFERENCES = "(SELECT count(*) FROM inodes i WHERE i.content_hash = c.hash)";
/** Whether `c` has a count and no file: the inode may be what was lost. */
export const IS_UNCLAIMED = `(c.ref_count > 0
  AND NOT EXISTS (SELECT 1 FROM inodes i WHERE i.content_hash = c.hash))`;
/** Whether `i` is going to keep its content: one without a name goes, and what is being written replaces it. */
export const KEEPS = "(i.nlink > 0 AND i.staging_id IS NULL)";
/** Whether a file of `c` isn't there, which may be lost, and those that are won't keep it. */
export const IS_FORSAKEN = `(c.ref_count > ${REFERENCES}
  AND EXISTS (SELECT 1 FROM inodes i WHERE i.content_hash = c.hash)
  AND NOT EXISTS (SELECT 1 FROM inodes i WHERE i.content_hash = c.hash AND ${KEEPS}))`;
/** Whether `c` is counted wrongly, as far as that needs no guess. */
export const IS_MISCOUNTED = `(c.ref_count <> ${REFERENCES} AND NOT ${IS_UNCLAIMED})`;
/** For `length()` and GLOB, a text ends with its first NUL. */
export const IS_NO_HASH = (column: string) =>
  `(length(${column}) <> 64 OR instr(${column}, char(0)) > 0 OR ${column} GLOB '*[^0-9a-f]*')`;
/** Whether the list lacks the content of an inode. */
export const IS_UNLISTED = `(content_hash IS NOT NULL AND NOT ${IS_NO_HASH("content_hash")}
  AND content_hash NOT IN (SELECT hash FROM contents))`;

// A file that is being written has another size than what it had before.
const LIST = command(
  `INSERT INTO contents (hash, size_bytes, blocks, ref_count, created_at)
   SELECT content_hash, coalesce(max(iif(staging_id IS NULL, size_bytes, NULL)), 0), 0, count(*), ?
   FROM inodes WHERE ${IS_UNLISTED} GROUP BY content_hash`,
);
const COUNT = command(`UPDATE contents AS c SET ref_count = ${REFERENCES} WHERE ${IS_MISCOUNTED}`);

/** Lists what files have and the list lacks. */
export function* listContents({ now }: At): Script<void> {
  yield* run(LIST, formatTimestamp(now));
}

/** Counts anew what files have; what is counted and has no file stays as it is. */
export function* countContents(): Script<void> {
  yield* run(COUNT);
}
