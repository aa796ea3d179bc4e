const UNITS = ["", "K", "M", "G", "T", "P"];
const SIX_MONTHS_MS = 182 * 24 * 60 * 60 * 1000;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** A number of bytes as `ls -h` has it: 17, 1.2K, 34M. Never less than there is. */
export function humanSize(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  if (unit === 0) return String(bytes);
  const rounded = size < 10 ? Math.ceil(size * 10) / 10 : Math.ceil(size);
  return `${rounded < 10 ? rounded.toFixed(1) : Math.ceil(rounded)}${UNITS[unit]}`;
}

/** A moment as `ls -l` has it, in local time: the time of day within six months, else the year. */
export function humanTime(moment: Date, now: Date): string {
  const age = now.getTime() - moment.getTime();
  const day = `${MONTHS[moment.getMonth()]} ${String(moment.getDate()).padStart(2)}`;
  if (age < 0 || age > SIX_MONTHS_MS) return `${day}  ${moment.getFullYear()}`;
  return `${day} ${twoDigits(moment.getHours())}:${twoDigits(moment.getMinutes())}`;
}

/** The time of day in local time, to the second: `12:00:01`. */
export function humanClock(moment: Date): string {
  return [moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(twoDigits).join(":");
}

/** `1 file`, `2 files`. */
export function counted(count: number, noun: string): string {
  const plural = noun.endsWith("y") ? `${noun.slice(0, -1)}ies` : `${noun}s`;
  return `${count.toLocaleString("en-US")} ${count === 1 ? noun : plural}`;
}

/** How long it is from one moment to another, roughly: `now`, `45s`, `5m`, `3h`, `12d`. */
export function humanSpan(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1000);
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 60 * 60) return `${Math.round(seconds / 60)}m`;
  if (seconds < 48 * 60 * 60) return `${Math.round(seconds / 3600)}h`;
  return `${Math.round(seconds / 86_400)}d`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
