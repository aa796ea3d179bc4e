import { isDirectory } from "../../model/attributes.js";
import { isKind, NexusError } from "../../model/errors.js";
import type { Ino } from "../../model/ids.js";
import { canonicalPath } from "../../model/path.js";
import type { NamedEntry } from "../../vfs/file-system.js";
import { requireNotAborted } from "./abort.js";
import { listedFile } from "./file-stat.js";
import type { ListedFile, ListOptions, ListPage } from "./files.js";
import { type PathParts, PathWalk } from "./path-walk.js";

const PAGE = 512;
const LIMIT = 1000;
const SLASH = "/".charCodeAt(0);

/** {@link Files.list}. */
export async function list(parts: PathParts, options: ListOptions): Promise<ListPage> {
  const { limit = LIMIT, cursor, ...rest } = options;
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new NexusError("invalid-argument", `a limit is a whole number above 0, not ${limit}`);
  }
  const entries: ListedFile[] = [];
  const after = cursor === undefined ? undefined : positionOf(cursor);
  for await (const entry of walkFiles(parts, { ...rest, after })) {
    // One more than wanted tells that there is a next page.
    if (entries.length === limit) return { entries, cursor: cursorOf(entries) };
    entries.push(entry);
  }
  return { entries, cursor: undefined };
}

/** {@link Files.walk}, from after a path on. */
export async function* walkFiles(
  parts: PathParts,
  options: Omit<ListOptions, "limit" | "cursor"> & { after?: string | undefined },
): AsyncGenerator<ListedFile> {
  const { prefix = "/", recursive = true, signal, after } = options;
  const directories = options.directories ?? !recursive;
  const walk = new PathWalk(parts);
  try {
    requireNotAborted(signal);
    const { entry } = await walk.require(prefix, { access: "read" });
    const base = canonicalPath(prefix);
    if (!isDirectory(entry.attributes.mode)) {
      if (after === undefined) yield listedFile(base, entry.attributes);
      return;
    }
    const lister = new Lister(walk, { recursive, directories, signal });
    const below = base === "/" ? "/" : `${base}/`;
    const start = after?.startsWith(below) ? after.slice(below.length).split("/") : [];
    // Of another listing, or of one that ended before this directory.
    if (after !== undefined && start.length === 0 && after >= base) return;
    yield* lister.directory({ ino: entry.ino, path: base, after: start });
  } finally {
    walk.forgetAll();
  }
}

/** A directory that is being listed. */
interface Level {
  readonly ino: Ino;
  readonly path: string;
  readonly steps: AsyncGenerator<Step>;
}

/** What comes next in a directory: an entry, or what is below one of its directories. */
type Step =
  | { readonly listed: ListedFile }
  | { readonly below: string; readonly after: readonly string[] };

interface Start {
  readonly ino: Ino;
  readonly path: string;
  /** The components of a relative path: what comes up to there is left out. */
  readonly after: readonly string[];
}

/**
 * Lists in the order of whole paths. What is below a directory comes after siblings like `a-b`, since
 * `-` sorts before `/`: so a directory waits until the names that begin with its own and go on with
 * something smaller are through. Those that wait are prefixes of each other, the longest goes first.
 *
 * The directories on the way down are a list of their own: a tree may be deeper than calls can nest, and
 * an entry would go through all of them.
 */
class Lister {
  readonly #walk: PathWalk;
  readonly #recursive: boolean;
  readonly #directories: boolean;
  readonly #signal: AbortSignal | undefined;

  constructor(
    walk: PathWalk,
    options: { recursive: boolean; directories: boolean; signal: AbortSignal | undefined },
  ) {
    this.#walk = walk;
    this.#recursive = options.recursive;
    this.#directories = options.directories;
    this.#signal = options.signal;
  }

  /** What is in a directory and, unless told otherwise, below it. */
  async *directory(start: Start): AsyncGenerator<ListedFile> {
    const { fs } = this.#walk;
    const top = this.#level(start);
    const entered: Level[] = [];
    try {
      for (;;) {
        const level = entered.at(-1) ?? top;
        const step = await level.steps.next();
        if (step.done === true) {
          if (level === top) return;
          entered.pop();
          fs.forget({ ino: level.ino, count: 1 });
        } else if ("listed" in step.value) {
          yield step.value.listed;
        } else {
          const { below: name, after } = step.value;
          const ino = await this.#enter({ parent: level.ino, name });
          const path = join(level.path, name);
          if (ino !== undefined) entered.push(this.#level({ ino, path, after }));
        }
      }
    } finally {
      for (const { ino } of entered.reverse()) fs.forget({ ino, count: 1 });
    }
  }

  #level(start: Start): Level {
    return { ino: start.ino, path: start.path, steps: this.#steps(start) };
  }

  async *#steps({ ino, path, after }: Start): AsyncGenerator<Step> {
    const [name] = after;
    const below = after.slice(1);
    const waiting = name === undefined ? [] : prefixesOf(name);
    let last: string | undefined = "";
    if (name !== undefined) {
      if (below.length === 0) waiting.push(name);
      else if (this.#recursive) yield { below: name, after: below };
      // What sorts between a name and what is below it comes before that.
      last = below.length > 0 ? `${name}/` : name;
    }
    while (last !== undefined) {
      requireNotAborted(this.#signal);
      const { fs, caller }: PathWalk = this.#walk;
      const page: { entries: readonly NamedEntry[]; last: string | undefined } =
        await fs.listByName(caller, { ino, after: last, limit: PAGE });
      for (const entry of page.entries) {
        yield* this.#takeReady(waiting, entry.name);
        const isDirectoryEntry = isDirectory(entry.attributes.mode);
        if (this.#directories || !isDirectoryEntry) {
          yield { listed: listedFile(join(path, entry.name), entry.attributes) };
        }
        if (isDirectoryEntry) waiting.push(entry.name);
      }
      last = page.last;
      await this.#walk.scheduler.turn();
    }
    yield* this.#takeReady(waiting, undefined);
  }

  /** The directories that wait, as far as what is below them sorts before a name. */
  *#takeReady(waiting: string[], before: string | undefined): Generator<Step> {
    for (let name = waiting.at(-1); name !== undefined; name = waiting.at(-1)) {
      if (before !== undefined && sortsInFront(before, name)) return;
      waiting.pop();
      if (this.#recursive) yield { below: name, after: [] };
    }
  }

  /** Undefined for what isn't a directory any more, or isn't for the identity: a cursor can name that. */
  async #enter(request: { parent: Ino; name: string }): Promise<Ino | undefined> {
    const { fs, caller } = this.#walk;
    try {
      const entry = await fs.lookup(caller, request);
      if (entry === undefined || isDirectory(entry.attributes.mode)) return entry?.ino;
      fs.forget({ ino: entry.ino, count: 1 });
      return undefined;
    } catch (error) {
      if (isKind(error, "access-denied")) return undefined;
      throw error;
    }
  }
}

/** Whether a name, which sorts after `directory`, sorts before what is below that. */
function sortsInFront(name: string, directory: string): boolean {
  return name.startsWith(directory) && name.charCodeAt(directory.length) < SLASH;
}

/** The directories that could still wait when this name is reached. */
function prefixesOf(name: string): string[] {
  const prefixes: string[] = [];
  for (let length = 1; length < name.length; length++) {
    if (name.charCodeAt(length) < SLASH) prefixes.push(name.slice(0, length));
  }
  return prefixes;
}

function join(directory: string, name: string): string {
  return directory === "/" ? `/${name}` : `${directory}/${name}`;
}

/** A cursor tells the last path of a page, so what comes and goes meanwhile moves nothing. */
function cursorOf(entries: readonly ListedFile[]): string | undefined {
  const last = entries.at(-1)?.path;
  return last === undefined ? undefined : Buffer.from(last, "utf8").toString("base64url");
}

function positionOf(cursor: string): string {
  const path = Buffer.from(cursor, "base64url").toString("utf8");
  if (!path.startsWith("/")) throw new NexusError("invalid-argument", `'${cursor}' is no cursor`);
  return path;
}
