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

/** The inverse of {@link timestampToMs}. */
export function timestampFromMs(ms: number): Timestamp {
  const sec = Math.floor(ms / 1000);
  return { sec, nsec: Math.min(999_999_999, Math.round((ms - sec * 1000) * 1e6)) };
}

/** UTC, ISO 8601 with microseconds and no zone suffix: the form of the SQL views and exports. */
export function formatTimestamp({ sec, nsec }: Timestamp): string {
  const micros = String(Math.floor(nsec / 1000)).padStart(6, "0");
  return `${new Date(sec * 1000).toISOString().slice(0, 19)}.${micros}`;
}

const ISO_TIME = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9})\d*)?(Z|[+-]\d{2}:\d{2})?$/;

/**
 * The inverse of {@link formatTimestamp}; takes a zone, too, and up to nine digits of a fraction.
 * Undefined for what is no such time.
 */
export function parseTimestamp(text: string): Timestamp | undefined {
  const [, seconds, fraction = "", zone = "Z"] = ISO_TIME.exec(text) ?? [];
  const ms = seconds === undefined ? Number.NaN : Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(ms)) return undefined;
  return { sec: ms / 1000, nsec: Number(fraction.padEnd(9, "0")) };
}
