import { NexusError } from "../../model/errors.js";
import { type CharacterClass, endOfClass, isInClass, parseClass } from "./character-class.js";

/** What one name of a path must look like. */
export interface NamePattern {
  /** The only name that matches, when the pattern has nothing but plain characters. */
  readonly literal: string | undefined;
  matches(name: string): boolean;
}

export interface NamePatternOptions {
  /** Whether `*`, `?` and `[...]` stand for the dot at a name's beginning, too. */
  readonly dot: boolean;
}

/**
 * Reads the pattern of one name: `*`, `?`, `[...]`, and `\` before a character that means itself. A
 * character is a code point. Errors: `invalid-argument`.
 */
export function parseNamePattern(text: string, { dot }: NamePatternOptions): NamePattern {
  const tokens = tokensOf(text);
  const plain = tokens.flatMap((token) => (token.kind === "character" ? [token.character] : []));
  const literal = plain.length === tokens.length ? plain.join("") : undefined;
  const [first] = tokens;
  const seesDots = dot || (first?.kind === "character" && first.character === ".");
  return {
    literal,
    matches(name) {
      if (literal !== undefined) return name === literal;
      return (seesDots || !name.startsWith(".")) && matchesTokens(name, tokens);
    },
  };
}

type Token =
  | { readonly kind: "character"; readonly character: string }
  | { readonly kind: "class"; readonly characters: CharacterClass }
  | { readonly kind: "one" }
  | { readonly kind: "any" };

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  while (position < text.length) {
    let character = String.fromCodePoint(text.codePointAt(position) ?? 0);
    if (character === "[") {
      const end = endOfClass(text, position);
      if (end === -1) {
        throw new NexusError(
          "invalid-argument",
          `a '[' has no ']' in '${text}', a name of the pattern: write '\\[' for the character itself`,
        );
      }
      tokens.push({ kind: "class", characters: parseClass(text.slice(position, end + 1)) });
      position = end + 1;
      continue;
    }
    if (character === "*") tokens.push({ kind: "any" });
    else if (character === "?") tokens.push({ kind: "one" });
    else {
      if (character === "\\") {
        position += 1;
        character = String.fromCodePoint(text.codePointAt(position) ?? 0);
        if (position >= text.length) {
          throw new NexusError(
            "invalid-argument",
            `'${text}', a name of the pattern, ends with '\\': write '\\\\' for the character itself`,
          );
        }
      }
      tokens.push({ kind: "character", character });
    }
    position += character.length;
  }
  return tokens;
}

/**
 * Only the last `*` is ever tried again, one character further: what an earlier one could give, a later
 * one can, too. So the time is the name's length times the pattern's at worst, where a regular
 * expression made of the pattern can take forever.
 */
function matchesTokens(name: string, tokens: readonly Token[]): boolean {
  const characters = Array.from(name);
  let next = 0;
  let taken = 0;
  let star: { readonly behind: number; taken: number } | undefined;
  while (taken < characters.length) {
    const token = tokens[next];
    if (token?.kind === "any") {
      next += 1;
      star = { behind: next, taken };
    } else if (token !== undefined && takes(token, characters[taken] ?? "")) {
      next += 1;
      taken += 1;
    } else if (star !== undefined) {
      star.taken += 1;
      next = star.behind;
      taken = star.taken;
    } else {
      return false;
    }
  }
  return tokens.slice(next).every(({ kind }) => kind === "any");
}

function takes(token: Exclude<Token, { kind: "any" }>, character: string): boolean {
  switch (token.kind) {
    case "one":
      return true;
    case "character":
      return token.character === character;
    case "class":
      return isInClass(character.codePointAt(0) ?? 0, token.characters);
  }
}
