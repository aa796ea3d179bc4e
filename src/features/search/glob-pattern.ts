import { messageOf, NexusError } from "../../model/errors.js";
import { checkName } from "../../model/path.js";
import { expandBraces } from "./braces.js";
import { type NamePattern, parseNamePattern } from "./name-pattern.js";

const LONGEST_PATTERN = 4_096;

/** What is still to be matched after some names of a path. */
type Step =
  /** All of it matched. */
  | { readonly kind: "end"; readonly onlyDirectories: boolean }
  | { readonly kind: "name"; readonly name: NamePattern; readonly rest: Step }
  /** `**`: any number of directories, none too. */
  | { readonly kind: "directories"; readonly rest: Step };

/**
 * How far a pattern has matched on the way down to a directory: all of its steps that could come next.
 * A tree is walked with one of these at each directory, so that nothing is entered where nothing can
 * match any more.
 */
export class GlobPosition {
  readonly #steps: ReadonlySet<Step>;
  readonly #dot: boolean;

  constructor(steps: Iterable<Step>, options: { readonly dot: boolean }) {
    this.#dot = options.dot;
    const reached = new Set<Step>();
    for (let step of steps) {
      reached.add(step);
      while (step.kind === "directories") {
        step = step.rest;
        reached.add(step);
      }
    }
    this.#steps = reached;
  }

  /** Whether what is here, a directory or not, is a match. */
  accepts({ isDirectory }: { readonly isDirectory: boolean }): boolean {
    for (const step of this.#steps) {
      if (step.kind === "end" && (isDirectory || !step.onlyDirectories)) return true;
    }
    return false;
  }

  /** Whether anything below this can match. */
  get leadsOn(): boolean {
    for (const step of this.#steps) if (step.kind !== "end") return true;
    return false;
  }

  /** The only names that can match here, in order; undefined when that depends on what is there. */
  get literals(): string[] | undefined {
    const names = new Set<string>();
    for (const step of this.#steps) {
      if (step.kind === "end") continue;
      if (step.kind === "directories" || step.name.literal === undefined) return undefined;
      names.add(step.name.literal);
    }
    return [...names].sort();
  }

  /** The position after this name. */
  after(name: string): GlobPosition {
    const next: Step[] = [];
    for (const step of this.#steps) {
      if (step.kind === "name" && step.name.matches(name)) next.push(step.rest);
      if (step.kind === "directories" && (this.#dot || !name.startsWith("."))) next.push(step);
    }
    return new GlobPosition(next, { dot: this.#dot });
  }

  /** The same, by the steps alone that say this name letter by letter. */
  afterLiteral(name: string): GlobPosition {
    const next: Step[] = [];
    for (const step of this.#steps) {
      if (step.kind === "name" && step.name.literal === name) next.push(step.rest);
    }
    return new GlobPosition(next, { dot: this.#dot });
  }
}

/**
 * Reads a pattern as {@link Search.glob} has it; what it returns is the position at the directory that
 * the pattern is relative to. `//` and `.` collapse. One that ends in `/` matches directories alone.
 * Errors: `invalid-argument`.
 */
export function parseGlob(pattern: string, options: { readonly dot: boolean }): GlobPosition {
  if (pattern.length > LONGEST_PATTERN) {
    throw new NexusError(
      "invalid-argument",
      `a pattern has at most ${LONGEST_PATTERN} characters, this one has ${pattern.length}`,
    );
  }
  return new GlobPosition(
    expandBraces(pattern).map((alternative) => parseAlternative(alternative, options)),
    options,
  );
}

/** A pattern for files that are named by their name alone, anywhere, or by a path if it has a `/`. */
export function parseFileGlob(pattern: string): GlobPosition {
  return parseGlob(pattern.includes("/") ? pattern : `**/${pattern}`, { dot: true });
}

function parseAlternative(pattern: string, options: { readonly dot: boolean }): Step {
  const names = pattern.split("/").filter((name) => name !== "" && name !== ".");
  if (names.length === 0) {
    throw new NexusError("invalid-argument", `the pattern '${pattern}' has no name to match`);
  }
  // `a/**` is all that is in `a`, and not `a` itself.
  if (names.at(-1) === "**") names.push("*");
  let step: Step = { kind: "end", onlyDirectories: pattern.endsWith("/") };
  for (const text of names.reverse()) {
    if (text !== "**") step = { kind: "name", name: parseName(text, options), rest: step };
    else if (step.kind !== "directories") step = { kind: "directories", rest: step };
  }
  return step;
}

function parseName(text: string, options: { readonly dot: boolean }): NamePattern {
  const name = parseNamePattern(text, options);
  if (name.literal === undefined) return name;
  try {
    checkName(name.literal);
  } catch (error) {
    throw new NexusError(
      "invalid-argument",
      `no file can have the name '${text}' of the pattern: ${messageOf(error)}`,
      { cause: error },
    );
  }
  return name;
}
