import type Database from "better-sqlite3";

/** Something that isn't as it must be in a data directory. */
export interface Finding {
  /** What it breaks; stays the same for ever, so that programs know it by this. */
  readonly rule: string;
  /** Damage, or only room that is taken for nothing. */
  readonly severity: "damage" | "waste";
  /** What was found, in words. */
  readonly what: string;
  /** Files of the namespace that it is about, some of them when there are many. */
  readonly paths: readonly string[];
  /** How many more there are. */
  readonly morePaths: number;
  /** What it means for people. */
  readonly effect: string;
  /** What a repair does, completing "--repair ..."; undefined for what takes a guess. */
  readonly repair: string | undefined;
}

/** Something with what mends it, if no rule of the metadata does. */
export interface Problem {
  /** In words. */
  readonly what: string;
  /** Left out where a rule of the metadata tells of it. */
  readonly finding?: Finding;
  /** With a connection that may write. */
  readonly mend?: (database: Database.Database) => void;
}

/** The repair of what somebody may still want. */
export const PUTS_AWAY = "puts it away to lost+found in the data directory";

/** Of one finding, so many files are named. */
export const MOST_PATHS = 20;

/** A finding with what mends it. */
export function problem(finding: Finding, mend?: Problem["mend"]): Problem {
  return { what: finding.what, finding, ...(mend && { mend }) };
}

/** The first of the paths, and how many more there are. */
export function somePaths(
  paths: readonly (string | undefined)[],
): Pick<Finding, "paths" | "morePaths"> {
  const known = paths.filter((path) => path !== undefined);
  const some = known.slice(0, MOST_PATHS);
  return { paths: some, morePaths: known.length - some.length };
}
