const [QUOTE, ESCAPE] = [0x22, 0x5c];
/** What makes a brace of a bracket, in ASCII. */
const TO_BRACE = 0x20;
const [OPENING_BRACE, CLOSING_BRACE] = [0x7b, 0x7d];

/**
 * Whether brackets and braces of a JSON text are nested deeper than so many levels. Looks at each character once; a
 * text that is no JSON has some answer, too.
 */
export function isNestedDeeper(text: string, { than }: { than: number }): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character === QUOTE) at = endOfString(text, at);
    else if ((character | TO_BRACE) === OPENING_BRACE) depth += 1;
    else if ((character | TO_BRACE) === CLOSING_BRACE) depth -= 1;
    if (depth > than) return true;
  }
  return false;
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
