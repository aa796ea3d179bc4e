import { NexusError } from "../../model/errors.js";
import { endOfClass } from "./character-class.js";

/** `{a,b}{c,d}...` doubles with each group: past this many a pattern is a mistake, or an attack. */
const MOST_ALTERNATIVES = 1_000;
const DEEPEST_NESTING = 32;

/**
 * The patterns without braces that a pattern with braces stands for, each one once: `{a,b{c,d}}` for
 * `a`, `bc` and `bd`. Braces and commas that are escaped or in a `[...]` mean themselves, and stay
 * escaped. Errors: `invalid-argument`.
 */
export function expandBraces(pattern: string): string[] {
  const [expanded] = sequence({ pattern, start: 0, depth: 0 });
  return [...new Set(expanded)];
}

interface Place {
  readonly pattern: string;
  readonly start: number;
  readonly depth: number;
}

/** Reads up to the end, or within braces to the `,` or `}` that ends an alternative, and says where. */
function sequence({ pattern, start, depth }: Place): [string[], number] {
  let expanded = [""];
  let position = start;
  while (position < pattern.length) {
    const character = pattern[position];
    if (depth > 0 && (character === "," || character === "}")) break;
    if (character === "{") {
      const [alternatives, end] = group({ pattern, start: position, depth: depth + 1 });
      requireFew(pattern, expanded.length * alternatives.length);
      expanded = expanded.flatMap((head) => alternatives.map((tail) => head + tail));
      position = end;
    } else {
      const end = endOfPiece(pattern, position);
      const piece = pattern.slice(position, end);
      expanded = expanded.map((head) => head + piece);
      position = end;
    }
  }
  return [expanded, position];
}

/** Reads from a `{` to behind its `}`. */
function group({ pattern, start, depth }: Place): [string[], number] {
  if (depth > DEEPEST_NESTING) {
    throw new NexusError(
      "invalid-argument",
      `a pattern can nest braces ${DEEPEST_NESTING} deep: '${pattern}' has more`,
    );
  }
  const alternatives: string[] = [];
  let count = 0;
  let position = start;
  do {
    const [expanded, end] = sequence({ pattern, start: position + 1, depth });
    alternatives.push(...expanded);
    requireFew(pattern, alternatives.length);
    count += 1;
    position = end;
  } while (pattern[position] === ",");
  if (pattern[position] !== "}") {
    throw new NexusError(
      "invalid-argument",
      `a '{' has no '}' in the pattern '${pattern}': write '\\{' for the character itself`,
    );
  }
  if (count === 1) {
    throw new NexusError(
      "invalid-argument",
      `braces without a comma in the pattern '${pattern}': write {a,b} for alternatives, '\\{' for the character itself`,
    );
  }
  return [alternatives, position + 1];
}

/** Behind an escaped character, a `[...]`, or a run of what means nothing to braces. */
function endOfPiece(pattern: string, start: number): number {
  if (pattern[start] === "\\") return start + 2;
  if (pattern[start] === "[") {
    const end = endOfClass(pattern, start);
    return end === -1 ? start + 1 : end + 1;
  }
  return start + 1;
}

function requireFew(pattern: string, count: number): void {
  if (count <= MOST_ALTERNATIVES) return;
  throw new NexusError(
    "invalid-argument",
    `the braces of a pattern can stand for ${MOST_ALTERNATIVES} alternatives: '${pattern}' has more`,
  );
}
