/**
 * A moment as POSIX `timespec` has it: whole seconds since the epoch (negative before it) and
 * 0..999,999,999 nanoseconds. Two numbers instead of one, because nanoseconds since the epoch do
 * not fit a double and bigints are slow on the request path.
 */
export interface Timestamp {
  readonly sec: number;
  readonly nsec: number;
}

export function compareTimestamps(a: Timestamp, b: Timestamp): number {
  return a.sec - b.sec || a.nsec - b.nsec;
}

/** Milliseconds since the epoch, to the microsecond (a double holds no more). */
export function timestampToMs({ sec, nsec }: Timestamp): number {
  return sec * 1000 + nsec / 1e6;
}

/** What a Date holds: some 275,000 years around the epoch. */
const MOST_DATE_MS = 8_640_000_000_000_000;

/**
 * The same moment as a Date, to the millisecond. A file may have any time, also one that no Date holds:
 * then it is the last one, or the first.
 */
export function timestampToDate(time: Timestamp): Date {
  return new Date(Math.max(-MOST_DATE_MS, Math.min(MOST_DATE_MS, timestampToMs(time))));
}

/** The inverse of {@link timestampToMs}. */
export function timestampFromMs(ms: number): Timestamp {
  const sec = Math.floor(ms / 1000);
  return { sec, nsec: Math.min(999_999_999, Math.round((ms - sec * 1000) * 1e6)) };
}

/** The Gregorian calendar repeats itself after so many years, which are so many seconds. */
const CYCLE_YEARS = 400;
const CYCLE_SEC = 146_097 * 86_400;

/**
 * UTC, ISO 8601 with microseconds and no zone suffix: the form of the SQL views and exports. A year that
 * isn't one of 0..9999 has a sign and at least six digits: utimensat(2) sets any.
 */
export function formatTimestamp({ sec, nsec }: Timestamp): string {
  const micros = String(Math.floor(nsec / 1000)).padStart(6, "0");
  const cycles = Math.floor(sec / CYCLE_SEC);
  // A Date knows the years up to 275760 only; this one is of 1970..2369.
  const date = new Date((sec - cycles * CYCLE_SEC) * 1000);
  const year = yearText(date.getUTCFullYear() + cycles * CYCLE_YEARS);
  return `${year}${date.toISOString().slice(4, 19)}.${micros}`;
}

function yearText(year: number): string {
  if (year >= 0 && year <= 9999) return String(year).padStart(4, "0");
  return (year < 0 ? "-" : "+") + String(Math.abs(year)).padStart(6, "0");
}

const ISO_TIME =
  /^(?<year>\d{4}|[+-]\d{6,9})(?<rest>-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(?<fraction>\d{1,9})\d*)?(?<zone>Z|[+-]\d{2}:\d{2})?$/;

/**
 * The inverse of {@link formatTimestamp}; takes a zone, too, and up to nine digits of a fraction.
 * Undefined for what is no such time, as 31 April and 24 o'clock are none.
 */
export function parseTimestamp(text: string): Timestamp | undefined {
  const { year, rest, fraction = "", zone = "Z" } = ISO_TIME.exec(text)?.groups ?? {};
  if (year === undefined || rest === undefined || year === "-000000") return undefined;
  const cycles = Math.floor((Number(year) - 1970) / CYCLE_YEARS);
  const alike = `${Number(year) - cycles * CYCLE_YEARS}${rest}`;
  const sec = secondsOf(`${alike}Z`);
  // Date.parse takes the 30th of February for the 2nd of March, and 24 o'clock for the next day's start.
  if (sec === undefined || !new Date(sec * 1000).toISOString().startsWith(alike)) return undefined;
  const zoned = secondsOf(`${alike}${zone}`);
  if (zoned === undefined) return undefined;
  const moment = { sec: zoned + cycles * CYCLE_SEC, nsec: Number(fraction.padEnd(9, "0")) };
  return Number.isSafeInteger(moment.sec) ? moment : undefined;
}

function secondsOf(text: string): number | undefined {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms / 1000;
}
