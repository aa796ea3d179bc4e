import { setImmediate } from "node:timers/promises";
import { isDirectory } from "../../model/attributes.js";
import { isKind, NexusError } from "../../model/errors.js";
import type { Ino } from "../../model/ids.js";
import { canonicalPath } from "../../model/path.js";
import type { Entry, NamedEntry } from "../../vfs/file-system.js";
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

/**
 * Lists in the order of whole paths. What is below a directory comes after siblings like `a-b`, since
 * `-` sorts before `/`: so a directory waits until the names that begin with its own and go on with
 * something smaller are through. Those that wait are prefixes of each other, the longest goes first.
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

  /** What is in a directory, after the position that the components of a relative path tell. */
  async *directory({
    ino,
    path,
    after,
  }: {
    ino: Ino;
    path: string;
    after: readonly string[];
  }): AsyncGenerator<ListedFile> {
    const [name, ...below] = after;
    const waiting = name === undefined ? [] : prefixesOf(name);
    let last: string | undefined = "";
    if (name !== undefined) {
      if (below.length > 0) yield* this.#subtree({ ino, path, name, after: below });
      else waiting.push(name);
      // What sorts between a name and what is below it comes before that.
      last = below.length > 0 ? `${name}/` : name;
    }
    while (last !== undefined) {
      requireNotAborted(this.#signal);
      const { fs, caller }: PathWalk = this.#walk;
      const page: { entries: readonly NamedEntry[]; last: string | undefined } =
        await fs.listByName(caller, { ino, after: last, limit: PAGE });
      for (const entry of page.entries) {
        yield* this.#below({ ino, path, waiting, before: entry.name });
        const isDirectoryEntry = isDirectory(entry.attributes.mode);
        if (this.#directories || !isDirectoryEntry) {
          yield listedFile(join(path, entry.name), entry.attributes);
        }
        if (isDirectoryEntry) waiting.push(entry.name);
      }
      last = page.last;
      await setImmediate();
    }
    yield* this.#below({ ino, path, waiting, before: undefined });
  }

  /** What is below the directories that wait, as far as it sorts before a name. */
  async *#below({
    ino,
    path,
    waiting,
    before,
  }: {
    ino: Ino;
    path: string;
    waiting: string[];
    before: string | undefined;
  }): AsyncGenerator<ListedFile> {
    for (;;) {
      const name = waiting.at(-1);
      if (name === undefined || (before !== undefined && sortsInFront(before, name))) return;
      waiting.pop();
      yield* this.#subtree({ ino, path, name, after: [] });
    }
  }

  async *#subtree({
    ino: parent,
    path,
    name,
    after,
  }: {
    ino: Ino;
    path: string;
    name: string;
    after: readonly string[];
  }): AsyncGenerator<ListedFile> {
    if (!this.#recursive) return;
    const { fs } = this.#walk;
    const entry = await this.#enter({ parent, name });
    if (entry === undefined) return;
    try {
      if (!isDirectory(entry.attributes.mode)) return;
      yield* this.directory({ ino: entry.ino, path: join(path, name), after });
    } finally {
      fs.forget({ ino: entry.ino, count: 1 });
    }
  }

  /** Undefined for what isn't there any more, or isn't for the identity: a cursor can name that. */
  async #enter(request: { parent: Ino; name: string }): Promise<Entry | undefined> {
    const { fs, caller } = this.#walk;
    try {
      return await fs.lookup(caller, request);
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
