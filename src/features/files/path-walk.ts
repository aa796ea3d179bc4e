import { authorize } from "../../core/isolation.js";
import type { Router } from "../../core/router.js";
import { isDirectory, isSymlink } from "../../model/attributes.js";
import type { Scheduler } from "../../model/clock.js";
import { isKind, NexusError } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import { type Ino, ROOT_INO } from "../../model/ids.js";
import { checkName, splitPath } from "../../model/path.js";
import type { Entry, FileSystem } from "../../vfs/file-system.js";
import { MadeDirectories } from "./made-directories.js";

/** path_resolution(7): ELOOP beyond so many. */
const MOST_SYMLINKS = 40;
const DIRECTORY_MODE = 0o755;

/** What all that works by path needs. */
export interface PathParts {
  readonly fs: FileSystem;
  readonly router: Router;
  readonly caller: Caller;
  /** Long work takes its turns by it: on a thread that serves others, nothing else lets them in. */
  readonly scheduler: Scheduler;
}

/** Where a path leads, whether or not something is there. */
export interface Spot {
  /** Canonical, without symlinks. */
  readonly path: string;
  readonly parent: Ino;
  /** Empty for the root. */
  readonly name: string;
  readonly entry: Entry | undefined;
}

/** Where a path leads to something. */
export interface FoundSpot extends Spot {
  readonly entry: Entry;
}

export interface WalkOptions {
  /** What is going to be done: isolation is checked for it before the first look-up. */
  readonly access: "read" | "write";
  /** Whether a symlink at the end is followed: yes unless false. */
  readonly followLast?: boolean;
  /** Makes the directories on the way that are missing; if the operation fails, empty ones go again. */
  readonly makeParents?: boolean;
}

/** Walks along paths for one operation, and remembers every look-up so that none is left counted. */
export class PathWalk {
  readonly fs: FileSystem;
  readonly caller: Caller;
  readonly scheduler: Scheduler;
  readonly #router: Router;
  readonly #held: Ino[] = [];
  readonly #parents: MadeDirectories;

  constructor({ fs, router, caller, scheduler }: PathParts) {
    this.fs = fs;
    this.caller = caller;
    this.scheduler = scheduler;
    this.#router = router;
    this.#parents = new MadeDirectories({ fs, caller });
  }

  /**
   * Runs an operation and takes back its look-ups, however it ends; when it fails, also the directories
   * that it made on the way, unless something is in them.
   */
  static async during<T>(parts: PathParts, use: (walk: PathWalk) => Promise<T>): Promise<T> {
    const walk = new PathWalk(parts);
    try {
      return await use(walk);
    } catch (error) {
      await walk.#parents.removeEmpty();
      throw error;
    } finally {
      walk.forgetAll();
    }
  }

  /** Takes over the look-up that an entry counts. */
  keep<E extends Entry | undefined>(entry: E): E {
    if (entry !== undefined) this.#held.push(entry.ino);
    return entry;
  }

  /** Takes back the newest look-up of an entry earlier than the others. */
  forget({ ino }: Entry): void {
    const index = this.#held.lastIndexOf(ino);
    if (index < 0) return;
    this.#held.splice(index, 1);
    this.fs.forget({ ino, count: 1 });
  }

  forgetAll(): void {
    for (const ino of this.#held.splice(0)) this.fs.forget({ ino, count: 1 });
  }

  async lookup(entry: { parent: Ino; name: string }): Promise<Entry | undefined> {
    return this.keep(await this.fs.lookup(this.caller, entry));
  }

  /**
   * Checks isolation by the path alone, for who has several paths and may look up none before all of
   * them are checked. Errors: `access-denied`, `read-only`, `invalid-path`, `name-too-long`.
   */
  authorize(path: string, { access }: Pick<WalkOptions, "access">): void {
    authorize(this.caller.identity, { place: this.#router.resolve(path), access });
  }

  /**
   * Where a path leads. Errors: `access-denied` and `read-only`, by the path alone; `not-found` and
   * `not-a-directory` (what is on the way), `symlink-loop`, `invalid-path`, `name-too-long`.
   */
  async find(path: string, options: WalkOptions): Promise<Spot> {
    const { access, followLast = true, makeParents = false } = options;
    this.authorize(path, { access });
    const pending = splitPath(path);
    const trail: (Spot & { entry: Entry })[] = [];
    let links = 0;
    for (;;) {
      const name = pending.shift();
      const directory = trail.at(-1);
      if (name === undefined) return directory ?? (await this.#root());
      if (name === "..") {
        trail.pop();
        continue;
      }
      const parent = directory?.entry.ino ?? ROOT_INO;
      const here = `${directory?.path ?? ""}/${name}`;
      const isLast = pending.length === 0;
      let entry = await this.lookup({ parent, name });
      if (entry === undefined && !isLast && makeParents) {
        entry = await this.#makeParent({ parent, name });
      }
      if (entry === undefined) {
        if (isLast) return { path: here, parent, name, entry };
        throw new NexusError("not-found", `there is no directory ${here}`, { path: here });
      }
      const { mode } = entry.attributes;
      if (isSymlink(mode) && (!isLast || followLast)) {
        links += 1;
        if (links > MOST_SYMLINKS) {
          throw new NexusError("symlink-loop", `${path} leads through too many symlinks`, { path });
        }
        const target = await this.fs.readlink(this.caller, { ino: entry.ino });
        const text = Buffer.from(target).toString("utf8");
        if (text.startsWith("/")) trail.splice(0);
        pending.unshift(...componentsOf(text));
        continue;
      }
      const spot = { path: here, parent, name, entry };
      if (isLast) return spot;
      if (!isDirectory(mode)) {
        throw new NexusError("not-a-directory", `${here} is not a directory`, { path: here });
      }
      trail.push(spot);
    }
  }

  /** The same for what has to be there. Errors: `not-found`, too. */
  async require(path: string, options: WalkOptions): Promise<FoundSpot> {
    const spot = await this.find(path, options);
    if (spot.entry === undefined) {
      throw new NexusError("not-found", `${spot.path} doesn't exist`, { path: spot.path });
    }
    return { ...spot, entry: spot.entry };
  }

  /** Makes a directory unless somebody else did just now. */
  async makeDirectory(request: { parent: Ino; name: string }): Promise<Entry> {
    return (await this.#make(request)).entry;
  }

  async #makeParent(request: { parent: Ino; name: string }): Promise<Entry> {
    const { entry, isNew } = await this.#make(request);
    if (isNew) this.#parents.add({ ...request, ino: entry.ino });
    return entry;
  }

  async #make(request: { parent: Ino; name: string }): Promise<{ entry: Entry; isNew: boolean }> {
    try {
      const made = await this.fs.mkdir(this.caller, { ...request, mode: DIRECTORY_MODE });
      return { entry: this.keep(made), isNew: true };
    } catch (error) {
      const found = isKind(error, "already-exists") ? await this.lookup(request) : undefined;
      if (found === undefined) throw error;
      return { entry: found, isNew: false };
    }
  }

  async #root(): Promise<FoundSpot> {
    const attributes = await this.fs.getattr(this.caller, { ino: ROOT_INO });
    return { path: "/", parent: ROOT_INO, name: "", entry: { ino: ROOT_INO, attributes } };
  }
}

/** Of a symlink's target: `..` stays, because where it leads depends on where the symlink is. */
function componentsOf(target: string): string[] {
  return target
    .split("/")
    .filter((component) => component !== "" && component !== ".")
    .map((component) => (component === ".." ? component : checkName(component)));
}
