import { messageOf, NexusError } from "../../model/errors.js";

/** Where in a line the first match is; undefined without one. */
export type LineMatcher = (line: string) => MatchSpan | undefined;

/** Offsets in UTF-16 units; `end` is behind the match. */
export interface MatchSpan {
  readonly start: number;
  readonly end: number;
}

export interface LineMatcherOptions {
  readonly ignoreCase: boolean;
  /** The pattern is plain text. */
  readonly fixedString: boolean;
}

/**
 * What finds a pattern in a line. Text becomes a regular expression without flags; one that needs a
 * flag (`u` for `\p{...}`) comes as a RegExp, which isn't changed. Errors: `invalid-argument`.
 */
export function lineMatcher(pattern: string | RegExp, options: LineMatcherOptions): LineMatcher {
  if (options.fixedString) return fixedMatcher(pattern, options);
  const expression = compile(pattern, options);
  return (line) => {
    expression.lastIndex = 0;
    const match = expression.exec(line);
    return match === null ? undefined : { start: match.index, end: match.index + match[0].length };
  };
}

function fixedMatcher(pattern: string | RegExp, options: LineMatcherOptions): LineMatcher {
  if (typeof pattern !== "string") {
    throw new NexusError("invalid-argument", "a plain text to look for can't be a RegExp");
  }
  if (pattern.includes("\n")) {
    throw new NexusError(
      "invalid-argument",
      "no line can have the line end of the text to look for",
    );
  }
  if (options.ignoreCase) {
    return lineMatcher(pattern.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"), {
      ...options,
      fixedString: false,
    });
  }
  return (line) => {
    const start = line.indexOf(pattern);
    return start === -1 ? undefined : { start, end: start + pattern.length };
  };
}

function compile(pattern: string | RegExp, { ignoreCase }: LineMatcherOptions): RegExp {
  const source = typeof pattern === "string" ? pattern : pattern.source;
  const given = typeof pattern === "string" ? "" : pattern.flags.replace("g", "");
  const flags = ignoreCase && !given.includes("i") ? `${given}i` : given;
  try {
    return new RegExp(source, flags);
  } catch (error) {
    throw new NexusError(
      "invalid-argument",
      `'${source}' is no regular expression: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
