import { InvalidArgumentError } from "commander";

/** Parsers of options' values: commander says what is wrong together with the option's name. */

export function parseCount(text: string): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (count >= 1) return count;
  throw new InvalidArgumentError("Expected a whole number, 1 or more.");
}

/** As {@link parseCount}, and 0 as well. */
export function parseAmount(text: string): number {
  return text === "0" ? 0 : parseCount(text);
}

export function parseWhole(text: string): number {
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a whole number.");
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `90s`, `5m`, `1.5h`: milliseconds. */
export function parseDuration(text: string): number {
  const [, amount, unit = ""] = /^(\d{1,9}(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const ms = Math.round(Number(amount) * (UNIT_MS[unit] ?? Number.NaN));
  if (ms > 0) return ms;
  throw new InvalidArgumentError("Expected a duration, as 30s, 5m or 2h.");
}

/** A moment in ISO 8601; without a zone it is UTC, as in the exports. */
export function parseMoment(text: string): Date {
  const [, day, time = "T00:00", zone = "Z"] =
    /^(\d{4}-\d{2}-\d{2})([T ][\d:.]+)?(Z|[+-]\d{2}:?\d{2})?$/.exec(text) ?? [];
  const moment = new Date(`${day}${time.replace(" ", "T")}${zone}`);
  if (!Number.isNaN(moment.getTime())) return moment;
  throw new InvalidArgumentError("Expected a moment, as 2026-01-31 or 2026-01-31T12:00:00Z.");
}

/** For an option that may stand several times. */
export function collect(value: string, all: readonly string[] = []): string[] {
  return [...all, value];
}
