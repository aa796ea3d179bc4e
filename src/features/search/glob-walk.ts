import { isKind, NexusError } from "../../model/errors.js";
import type { Files, ListedFile, ReadOptions } from "../files/files.js";
import type { GlobPosition } from "./glob-pattern.js";

/** What a search needs of the files. */
export interface SearchedFiles extends Pick<Files, "walk" | "stat" | "createReadStream"> {
  /** Told of what will be read soon, in that order, by files that are far away and can begin with it. */
  willRead?(path: string, options?: ReadOptions): void;
}

export interface GlobWalkOptions {
  readonly files: SearchedFiles;
  /** The canonical path of a directory. */
  readonly root: string;
  readonly position: GlobPosition;
  readonly signal: AbortSignal | undefined;
  /** Told of everything that is looked at, matching or not. */
  readonly onSeen: (entry: ListedFile) => void;
}

/**
 * Everything below a directory that matches, directories too, in the order of paths as text. Only
 * directories in which something can match are listed, one page of each at a time; where the pattern
 * says the names letter by letter, these are looked up and nothing is listed.
 *
 * A symlink isn't followed, as it might lead back up, unless the pattern says its name letter by letter.
 * What vanishes meanwhile, or may not be entered, is left out.
 */
export async function* globWalk(options: GlobWalkOptions): AsyncGenerator<ListedFile> {
  // A list of their own, not calls in calls: a tree may be deeper than those can nest.
  const entered = [stepsIn(options)];
  try {
    for (let steps = entered.at(-1); steps !== undefined; steps = entered.at(-1)) {
      const step = await steps.next();
      if (step.done === true) entered.pop();
      else if ("matching" in step.value) yield step.value.matching;
      else entered.push(stepsIn(step.value.below));
    }
  } finally {
    // Those that are left have listings open.
    for (const steps of entered.reverse()) await steps.return(undefined);
  }
}

/** What comes next in a directory: an entry that matches, or what is below one of its directories. */
type Step = { readonly matching: ListedFile } | { readonly below: GlobWalkOptions };

async function* stepsIn(options: GlobWalkOptions): AsyncGenerator<Step> {
  // What is below `a` comes after `a-b` and before `ab`: `/` is in the middle of the characters. A
  // directory waits here until what comes before its contents is through. Only names that begin
  // with its own do, and these come before it once they are here: the last in is the first out.
  const waiting: { readonly name: string; readonly position: GlobPosition }[] = [];
  for await (const entry of entriesOf(options)) {
    requireUninterrupted(options.signal);
    options.onSeen(entry);
    const name = entry.path.slice(entry.path.lastIndexOf("/") + 1);
    for (
      let last = waiting.at(-1);
      last && !precedesContents(name, last.name);
      last = waiting.at(-1)
    ) {
      waiting.pop();
      yield { below: below(options, last) };
    }
    const here = options.position.after(name);
    if (here.accepts({ isDirectory: entry.type === "directory" })) yield { matching: entry };
    const position = entry.type === "symlink" ? options.position.afterLiteral(name) : here;
    if (position.leadsOn && (await isEntered(options, entry))) waiting.push({ name, position });
  }
  for (const last of waiting.reverse()) yield { below: below(options, last) };
}

/** Errors: `interrupted` once the signal is aborted. */
export function requireUninterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new NexusError("interrupted", "the search was interrupted", { cause: signal.reason });
  }
}

/** Something that was there a moment ago, and isn't now. */
export function hasVanished(error: unknown): boolean {
  return isKind(error, "not-found") || isKind(error, "not-a-directory");
}

function below(
  options: GlobWalkOptions,
  { name, position }: { readonly name: string; readonly position: GlobPosition },
): GlobWalkOptions {
  return { ...options, root: pathIn(options.root, name), position };
}

/** Whether a name that comes after a directory's comes before what is in the directory. */
function precedesContents(name: string, directory: string): boolean {
  return name.startsWith(directory) && name.slice(directory.length, directory.length + 1) < "/";
}

async function* entriesOf(options: GlobWalkOptions): AsyncGenerator<ListedFile> {
  const { files, root, position, signal } = options;
  const { literals } = position;
  if (literals === undefined) {
    const listing = { prefix: root, recursive: false, ...(signal && { signal }) };
    try {
      yield* files.walk(listing);
    } catch (error) {
      requireUninterrupted(signal);
      if (!isLeftOut(error)) throw error;
    }
    return;
  }
  for (const name of literals) {
    const entry = await lookUp(options, { path: pathIn(root, name), followSymlinks: false });
    if (entry !== undefined) yield entry;
  }
}

async function isEntered(options: GlobWalkOptions, { path, type }: ListedFile): Promise<boolean> {
  if (type !== "symlink") return type === "directory";
  return (await lookUp(options, { path, followSymlinks: true }))?.type === "directory";
}

async function lookUp(
  { files }: GlobWalkOptions,
  { path, followSymlinks }: { readonly path: string; readonly followSymlinks: boolean },
): Promise<ListedFile | undefined> {
  try {
    // As it was asked for: a stat tells the path without the symlinks on the way.
    return { ...(await files.stat(path, { etag: false, followSymlinks })), path };
  } catch (error) {
    if (isLeftOut(error)) return undefined;
    throw error;
  }
}

function isLeftOut(error: unknown): boolean {
  return hasVanished(error) || isKind(error, "access-denied") || isKind(error, "symlink-loop");
}

function pathIn(directory: string, name: string): string {
  return directory === "/" ? `/${name}` : `${directory}/${name}`;
}
