import { NexusError } from "../../model/errors.js";

/** A `[...]` of a glob pattern: some characters, or all but those. */
export interface CharacterClass {
  readonly negated: boolean;
  /** First and last code point of each range; a character alone is a range of one. */
  readonly ranges: readonly (readonly [number, number])[];
}

/**
 * Where the `]` is that closes the `[` at `start`; -1 without one. A `]` right at the beginning is a
 * character of the class, as in POSIX.
 */
export function endOfClass(text: string, start: number): number {
  let position = start + 1;
  if (text[position] === "!" || text[position] === "^") position += 1;
  if (text[position] === "]") position += 1;
  for (; position < text.length; position += 1) {
    if (text[position] === "\\") position += 1;
    else if (text[position] === "]") return position;
  }
  return -1;
}

/** Reads a class from its `[` to its `]`. Errors: `invalid-argument`. */
export function parseClass(text: string): CharacterClass {
  if (/\[([:.=]).*\1/.test(text.slice(1))) {
    throw new NexusError(
      "invalid-argument",
      `named classes like [:digit:] aren't known, as in '${text}': write a range like [0-9]`,
    );
  }
  const negated = text[1] === "!" || text[1] === "^";
  const characters = unescaped(text.slice(negated ? 2 : 1, -1));
  const ranges: [number, number][] = [];
  for (let index = 0; index < characters.length; index += 1) {
    const first = characters[index]?.code ?? 0;
    const last = characters[index + 2];
    if (last === undefined || !characters[index + 1]?.isDash) {
      ranges.push([first, first]);
      continue;
    }
    if (last.code < first) {
      throw new NexusError("invalid-argument", `a range in '${text}' ends before it begins`);
    }
    ranges.push([first, last.code]);
    index += 2;
  }
  return { negated, ranges };
}

/** Whether this one character, as a code point, is meant. */
export function isInClass(code: number, { negated, ranges }: CharacterClass): boolean {
  return ranges.some(([first, last]) => first <= code && code <= last) !== negated;
}

interface ClassCharacter {
  readonly code: number;
  /** A `-` that stands for a range if it is between two characters; an escaped one doesn't. */
  readonly isDash: boolean;
}

function unescaped(text: string): ClassCharacter[] {
  const characters: ClassCharacter[] = [];
  let escaped = false;
  for (const character of text) {
    if (character === "\\" && !escaped) {
      escaped = true;
      continue;
    }
    characters.push({
      code: character.codePointAt(0) ?? 0,
      isDash: character === "-" && !escaped,
    });
    escaped = false;
  }
  return characters;
}
