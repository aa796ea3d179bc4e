import fc from "fast-check";

/** A pattern as a tree, with the text that says it. What it matches is found by trying everything. */
export type Piece =
  | { readonly kind: "character"; readonly character: string }
  | { readonly kind: "one" }
  | { readonly kind: "any" }
  | { readonly kind: "class"; readonly negated: boolean; readonly characters: readonly string[] }
  | { readonly kind: "braces"; readonly alternatives: readonly (readonly Piece[])[] };

/** The names of a path; `**` is a name of its own. */
export type PatternTree = readonly ("**" | readonly Piece[])[];

const CHARACTERS = ["a", "b", "c", ".", "-", "é", "😀", "*", "{", "[", "]", ",", "!"];

export const someName: fc.Arbitrary<string> = fc
  .array(fc.constantFrom("a", "b", ...CHARACTERS), { minLength: 1, maxLength: 4 })
  .map((characters) => characters.join(""))
  .filter((name) => name !== "." && name !== "..");

const { piece: somePiece } = fc.letrec<{ piece: Piece; pieces: Piece[] }>((tie) => ({
  piece: fc.oneof(
    { depthSize: "small" },
    fc.record({ kind: fc.constant("character"), character: fc.constantFrom(...CHARACTERS) }),
    fc.constant({ kind: "one" }),
    fc.constant({ kind: "any" }),
    fc.record({
      kind: fc.constant("class"),
      negated: fc.boolean(),
      characters: fc.array(fc.constantFrom(...CHARACTERS), { minLength: 1, maxLength: 3 }),
    }),
    fc.record({
      kind: fc.constant("braces"),
      alternatives: fc.array(tie("pieces"), { minLength: 2, maxLength: 3 }),
    }),
  ) as fc.Arbitrary<Piece>,
  pieces: fc.array(tie("piece"), { maxLength: 3 }),
}));

export const somePattern: fc.Arbitrary<PatternTree> = fc.array(
  fc.oneof(
    { weight: 1, arbitrary: fc.constant("**" as const) },
    // A name can't be empty, whichever alternative is taken, nor be `.`, `..` or `**`.
    {
      weight: 3,
      arbitrary: fc
        .tuple(fc.constantFrom("a", "b", ".b"), fc.array(somePiece, { maxLength: 3 }))
        .map(([head, pieces]): Piece[] => [
          ...Array.from(head, (character): Piece => ({ kind: "character", character })),
          ...pieces,
        ]),
    },
    {
      weight: 2,
      arbitrary: fc
        .array(somePiece, { maxLength: 2 })
        .map((pieces): Piece[] => [{ kind: "one" }, ...pieces]),
    },
  ),
  { minLength: 1, maxLength: 4 },
);

export function textOf(pattern: PatternTree): string {
  return pattern.map((name) => (name === "**" ? name : textOfPieces(name))).join("/");
}

export function naivelyMatches(
  pattern: PatternTree,
  names: readonly string[],
  options: { readonly dot: boolean },
): boolean {
  const [first, ...rest] = pattern;
  const [name, ...below] = names;
  if (first === undefined) return names.length === 0;
  if (first === "**") {
    const isHidden = name?.startsWith(".") && !options.dot;
    if (rest.length === 0 && names.length > 0 && below.length === 0) return !isHidden;
    if (rest.length > 0 && naivelyMatches(rest, names, options)) return true;
    return name !== undefined && !isHidden && naivelyMatches(pattern, below, options);
  }
  return (
    name !== undefined &&
    unbraced(first).some((pieces) => matchesName(pieces, name, options)) &&
    naivelyMatches(rest, below, options)
  );
}

/** How many patterns without braces this one stands for. */
export function countAlternatives(pattern: PatternTree): number {
  return pattern.reduce((product, name) => {
    return product * (name === "**" ? 1 : unbraced(name).length);
  }, 1);
}

function matchesName(
  pieces: readonly Piece[],
  name: string,
  { dot }: { readonly dot: boolean },
): boolean {
  const [head] = pieces;
  const saysDot = head?.kind === "character" && head.character === ".";
  if (name.startsWith(".") && !dot && !saysDot) return false;
  return matchesCharacters(pieces, Array.from(name));
}

function matchesCharacters(pieces: readonly Piece[], characters: readonly string[]): boolean {
  const [piece, ...rest] = pieces;
  if (piece === undefined) return characters.length === 0;
  if (piece.kind === "any") {
    return characters
      .concat("")
      .some((_, index) => matchesCharacters(rest, characters.slice(index)));
  }
  const [character, ...others] = characters;
  return character !== undefined && isOne(piece, character) && matchesCharacters(rest, others);
}

function isOne(piece: Piece, character: string): boolean {
  if (piece.kind === "character") return piece.character === character;
  if (piece.kind === "class") return piece.characters.includes(character) !== piece.negated;
  return piece.kind === "one";
}

function unbraced(pieces: readonly Piece[]): Piece[][] {
  const [piece, ...rest] = pieces;
  if (piece === undefined) return [[]];
  const heads = piece.kind === "braces" ? piece.alternatives.flatMap(unbraced) : [[piece]];
  return heads.flatMap((head) => unbraced(rest).map((tail) => [...head, ...tail]));
}

function textOfPieces(pieces: readonly Piece[]): string {
  return pieces.map(textOfPiece).join("");
}

function textOfPiece(piece: Piece): string {
  switch (piece.kind) {
    case "character":
      return /[*{[,!\]]/.test(piece.character) ? `\\${piece.character}` : piece.character;
    case "one":
      return "?";
    case "any":
      return "*";
    case "class":
      return `[${piece.negated ? "!" : ""}${piece.characters.map((one) => `\\${one}`).join("")}]`;
    case "braces":
      return `{${piece.alternatives.map(textOfPieces).join(",")}}`;
  }
}
