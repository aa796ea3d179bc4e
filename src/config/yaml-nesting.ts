import type * as Yaml from "yaml";

/** Many times what a configuration has. */
const MOST_BRACKETS = 32;
const MOST_COLUMNS = 256;

const OPENING: ReadonlySet<string | null> = new Set(["flow-map-start", "flow-seq-start"]);
const CLOSING: ReadonlySet<string | null> = new Set(["flow-map-end", "flow-seq-end"]);
const INDICATORS: ReadonlySet<string | null> = new Set(["seq-item-ind", "explicit-key-ind"]);

/**
 * Whether a YAML text has values in one another on more levels than a parser's stack has room for: told by its tokens,
 * without recursion. Each level takes a bracket, or begins further to the right than the one around it.
 *
 * The parser of the package `yaml` recurses. Where V8 then has to compile a regular expression and finds no stack left,
 * it ends the process: seen with 300,000 times `- `.
 */
export function isNestedTooDeep(text: string, { CST, Lexer }: typeof Yaml): boolean {
  let brackets = 0;
  let column = 0;
  for (const token of new Lexer().lex(text)) {
    const type = CST.tokenType(token);
    if (OPENING.has(type)) brackets += 1;
    else if (CLOSING.has(type)) brackets -= 1;
    const begins = INDICATORS.has(type) || (type === "space" && column === 0);
    const right = type === "space" ? token.length : column;
    if (brackets > MOST_BRACKETS || (begins && right > MOST_COLUMNS)) return true;
    const newline = token.lastIndexOf("\n");
    column = newline < 0 ? column + token.length : token.length - newline - 1;
  }
  return false;
}
