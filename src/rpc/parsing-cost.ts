const [QUOTE, ESCAPE, COMMA] = [0x22, 0x5c, 0x2c];
/** What makes a brace of a bracket, in ASCII. */
const TO_BRACE = 0x20;
const [OPENING_BRACE, CLOSING_BRACE] = [0x7b, 0x7d];
/** An object takes about as long as so many numbers. */
export const OBJECT_COST = 4;

export interface ParsingLimits {
  /** How many levels of brackets and braces there may be. */
  readonly mostNested: number;
  /** Objects and arrays count {@link OBJECT_COST}, and each further value in one counts 1. */
  readonly mostCost: number;
}

/**
 * Which of the limits a JSON text is beyond; undefined for none. Looks at each character at most once; a text that is
 * no JSON has some answer, too.
 */
export function limitBeyond(
  text: string,
  { mostNested, mostCost }: ParsingLimits,
): keyof ParsingLimits | undefined {
  let depth = 0;
  let cost = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character === QUOTE) at = endOfString(text, at);
    else if (character === COMMA) cost += 1;
    else if ((character | TO_BRACE) === OPENING_BRACE) {
      depth += 1;
      cost += OBJECT_COST;
    } else if ((character | TO_BRACE) === CLOSING_BRACE) depth -= 1;
    if (depth > mostNested) return "mostNested";
    if (cost > mostCost) return "mostCost";
  }
  return undefined;
}

/** Where the string ends that begins here. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return text.length;
    at = quote;
    let escapes = 0;
    while (text.charCodeAt(quote - 1 - escapes) === ESCAPE) escapes += 1;
    if (escapes % 2 === 0) return quote;
  }
}
