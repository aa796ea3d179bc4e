import type { Step } from "./step.js";

/** What a path may be made of in its place, each shorter than those before. */
const SHORT_NAMES = ["a", "b", "c"] as const;
/** Arguments that say where, and not how much. */
const KEPT = new Set(["slot", "at", "major", "minor", "call"]);

/**
 * Steps of the same call with one argument less, or a simpler one. Each is smaller by some measure, so that
 * whoever goes on from what it finds comes to an end.
 */
export function* simpler(step: Step): Generator<Step> {
  for (const key of ["asUser", "via", "unseen"] as const) {
    if (step[key] === undefined) continue;
    const { [key]: _left, ...rest } = step;
    yield rest;
  }
  for (const [key, value] of Object.entries(step)) {
    if (KEPT.has(key) || key === "via") continue;
    for (const candidate of simplerValues(key, value)) {
      yield { ...step, [key]: candidate };
    }
  }
}

function simplerValues(key: string, value: unknown): unknown[] {
  if (typeof value === "number" && key !== "to") return simplerNumbers(key, value);
  if (typeof value === "string" && (key === "path" || key === "to" || key === "target")) {
    return simplerPaths(value);
  }
  if (isData(value)) {
    const lengths = simplerNumbers("length", value.length).map((length) => ({ ...value, length }));
    return value.from === 0 ? lengths : [{ ...value, from: 0 }, ...lengths];
  }
  return [];
}

function simplerNumbers(key: string, value: number): number[] {
  if (key === "flags" || (key === "mode" && value < 0o200)) return withoutBits(value);
  if (key === "mode") return value === 0o777 || value > 0o7777 ? [] : [0o777];
  if (value <= 1) return [];
  const round = 2 ** Math.floor(Math.log2(value));
  const candidates = [0, 1, value >> 1, round === value ? value - 1 : round];
  return [...new Set(candidates)].filter((candidate) => candidate >= 0 && candidate < value);
}

function withoutBits(value: number): number[] {
  return Array.from({ length: 25 }, (_, bit) => value & ~(1 << bit)).filter(
    (candidate) => candidate !== value,
  );
}

/** Without one of its components, and with a short name as the last. */
function simplerPaths(path: string): string[] {
  const components = path.split("/");
  const fewer =
    components.length === 1
      ? []
      : components.map((_, index) => components.toSpliced(index, 1).join("/"));
  const last = components.at(-1) ?? "";
  const renamed = SHORT_NAMES.filter((name) => name < last).map((name) =>
    components.with(-1, name).join("/"),
  );
  return [...fewer, ...renamed];
}

function isData(value: unknown): value is { length: number; from: number } {
  return typeof value === "object" && value !== null && "length" in value && "from" in value;
}
