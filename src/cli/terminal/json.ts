import type { Output } from "./output.js";
import { visibleJson } from "./visible.js";

/**
 * A value of the library as JSON has it: keys in snake_case, times as ISO 8601, maps as objects, bytes as
 * `{"base64": ...}`, and null for what is undefined, so that an object always has the same keys.
 */
export function toJson(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value !== "object") return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(toJson);
  // Keys of a map are somebody's data, keys of an object are ours.
  if (value instanceof Map) return objectOf(value, (key) => key);
  return objectOf(Object.entries(value), snakeCase);
}

/** Prints one value, indented. */
export async function printJson(output: Output, value: unknown): Promise<void> {
  await output.line(jsonText(output, { value, indent: 2 }));
}

/** Prints one value as a line, for who reads line by line. */
export async function printJsonLine(output: Output, value: unknown): Promise<void> {
  await output.line(jsonText(output, { value }));
}

/** Prints a list while it comes, an entry a line. */
export async function printJsonList(
  output: Output,
  values: Iterable<unknown> | AsyncIterable<unknown>,
): Promise<void> {
  let separator = "[\n";
  for await (const value of values) {
    await output.write(separator + jsonText(output, { value }));
    separator = ",\n";
  }
  await output.line(separator === "[\n" ? "[]" : "\n]");
}

function jsonText(
  { isTerminal }: Output,
  { value, indent }: { value: unknown; indent?: number },
): string {
  const text = JSON.stringify(toJson(value), undefined, indent);
  return isTerminal ? visibleJson(text) : text;
}

function objectOf(
  entries: Iterable<[unknown, unknown]>,
  rename: (key: string) => string,
): Record<string, unknown> {
  return Object.fromEntries(
    [...entries].map(([key, value]) => [rename(String(key)), toJson(value)]),
  );
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
