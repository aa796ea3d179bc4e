import { posix } from "node:path";
import { NAME_MAX_BYTES } from "../../model/attributes.js";
import { cutText } from "../../model/cut-text.js";
import type { Ino } from "../../model/ids.js";
import type { WorkPosition, WorkRecord } from "../../storage/metadata/work-store.js";

/** Digits that every whole number of a double fits in. */
const DIGITS = 16;
const NAME = /^([01]\d{16})-([01]\d{16})-(\d{16})-/;

/**
 * The name of a work item's symlink. Names sort as the items' positions do, with any locale: numbers
 * of one width and nothing but digits first, whose order no locale changes, whatever it thinks of the
 * `-` between them. The number of the inode among them says which item it is; the file's own name
 * comes last, cut to what there is room for.
 */
export function workLinkName({
  urgency,
  createdUs,
  ino,
  path,
}: WorkPosition & Pick<WorkRecord, "path">): string {
  const number = String(ino).padStart(DIGITS, "0");
  const prefix = `${sortable(urgency)}-${sortable(createdUs)}-${number}-`;
  return `${prefix}${cutText(posix.basename(path), NAME_MAX_BYTES - prefix.length)}`;
}

/** The item that such a name is of; undefined for any other name. */
export function inoOfWorkLinkName(name: string): Ino | undefined {
  return positionOfWorkLinkName(name)?.ino;
}

/** The place in the order of work that such a name tells. */
export function positionOfWorkLinkName(name: string): WorkPosition | undefined {
  const [, urgency, createdUs, ino] = NAME.exec(name) ?? [];
  if (urgency === undefined || createdUs === undefined) return undefined;
  return { urgency: unsorted(urgency), createdUs: unsorted(createdUs), ino: Number(ino) as Ino };
}

/**
 * A whole number in 17 digits that sort as it does. From 0 on they are 1 and the number; below, 0 and
 * each digit's distance to 9, so that what is further below comes first.
 */
function sortable(value: number): string {
  const digits = String(Math.abs(value)).padStart(DIGITS, "0");
  return value < 0 ? `0${complement(digits)}` : `1${digits}`;
}

/** The inverse of {@link sortable}. */
function unsorted(text: string): number {
  const digits = text.slice(1);
  return text.startsWith("0") ? -Number(complement(digits)) : Number(digits);
}

function complement(digits: string): string {
  return digits.replace(/\d/g, (digit) => String(9 - Number(digit)));
}
