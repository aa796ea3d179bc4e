import {
  appendFileSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { makeDirectories } from "../../../libc/directories.js";
import { syncPath } from "../../../libc/durability.js";
import { freeName } from "../../../libc/free-name.js";
import { canOnlyBeCopied } from "../../../libc/hard-links.js";
import { fsError } from "../../../libc/system-error.js";

const DIRECTORY = "lost+found";
const RECORD = "record.jsonl";

/** What is known of something that is put away. */
export interface Note {
  readonly why: string;
  /** The paths of the namespace that had it, or may have had it. */
  readonly paths?: readonly string[];
}

/**
 * Where files of the data directory go that are of no use to the store and may be to people: damaged contents,
 * and what is none. They are renamed, so the bytes that there are stay as they are.
 *
 * What they were is noted in a file beside them, a line of JSON each: so it can be read when the database can't,
 * and goes with them wherever somebody takes them.
 */
export class Quarantine {
  readonly #dataDir: string;
  #directory: string | undefined;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  /**
   * Moves a file there, and returns where it is now; undefined when it is gone. Durable after {@link sync}. Errors:
   * `io-failure`, `no-space`, `access-denied`.
   */
  put(path: string, note: Note): string | undefined {
    try {
      if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
      const target = this.#newFile(basename(path), { ...note, from: path });
      move(path, target);
      return target;
    } catch (error) {
      throw fsError(error, { op: "put away", path });
    }
  }

  /**
   * Writes a file there of bytes that the store has in another way; returns where it is. Durable after {@link sync}.
   * Errors: as {@link put}.
   */
  putBytes(bytes: Uint8Array, { name, ...note }: Note & { readonly name: string }): string {
    try {
      const target = this.#newFile(name, note);
      writeFileSync(target, bytes, { mode: 0o400, flush: true });
      return target;
    } catch (error) {
      throw fsError(error, { op: "put away", path: name });
    }
  }

  /**
   * Gives a file that never changes a name there, too, so that it outlives the one that it has; done again, it does
   * nothing. Where there are no hard links, it makes a copy, and another one each time. Durable after {@link sync}.
   * Errors: as {@link put}.
   */
  keep(path: string, note: Note): void {
    try {
      const source = lstatSync(path, { throwIfNoEntry: false });
      if (source === undefined) return;
      const directory = this.#made();
      const statOf = (name: string) => lstatSync(join(directory, name), { throwIfNoEntry: false });
      const isOther = (there: Stats) => there.ino !== source.ino || there.dev !== source.dev;
      const name = freeName(basename(path), (each) => {
        const there = statOf(each);
        return there !== undefined && isOther(there);
      });
      if (statOf(name) !== undefined) return;
      linkOrCopy(path, this.#newFile(name, { ...note, from: path }));
    } catch (error) {
      throw fsError(error, { op: "keep", path });
    }
  }

  /** Notes something of which there is no file. Durable after {@link sync}. Errors: as {@link put}. */
  note(record: Note & Readonly<Record<string, unknown>>): void {
    try {
      const line = { at: new Date().toISOString(), ...record };
      appendFileSync(join(this.#made(), RECORD), `${JSON.stringify(line)}\n`, { mode: 0o600 });
    } catch (error) {
      throw fsError(error, { op: "note what is lost" });
    }
  }

  /**
   * Makes durable what anybody has put away and noted here (of files, the names: their bytes are as durable as they
   * were). To be called before what named it elsewhere is let go: else a power failure may leave it where it was, as
   * something that nobody needs. Errors: `io-failure`, `access-denied`.
   */
  sync(): void {
    try {
      const directory = this.#place();
      if (!existsSync(directory)) return;
      const record = join(directory, RECORD);
      if (existsSync(record)) syncPath(record);
      syncPath(directory);
    } catch (error) {
      throw fsError(error, { op: "sync what is put away" });
    }
  }

  /**
   * Where a file is going to be, noted first: a file without a line would be a riddle, a line without its file isn't.
   */
  #newFile(name: string, { why, paths = [], ...rest }: Note & { readonly from?: string }): string {
    const directory = this.#made();
    const file = freeName(name, (free) => existsSync(join(directory, free)));
    this.note({ file, ...rest, why, paths });
    return join(directory, file);
  }

  #made(): string {
    if (this.#directory === undefined) {
      this.#directory = this.#place();
      if (makeDirectories(this.#directory, { mode: 0o700 })) syncPath(this.#dataDir);
    }
    return this.#directory;
  }

  /** Somebody may have a file of his own that is called so. */
  #place(): string {
    const isOther = (path: string) =>
      statSync(path, { throwIfNoEntry: false })?.isDirectory() === false;
    return join(
      this.#dataDir,
      freeName(DIRECTORY, (free) => isOther(join(this.#dataDir, free))),
    );
  }
}

/**
 * Somebody may have the contents on other disks: then the bytes are safe here, with their name, before they go there.
 */
function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    copyDurably(from, to);
    rmSync(from);
  }
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if (!canOnlyBeCopied(error)) throw error;
    copyDurably(from, to);
  }
}

function copyDurably(from: string, to: string): void {
  try {
    copyFileSync(from, to, constants.COPYFILE_EXCL);
    syncPath(to);
    syncPath(dirname(to));
  } catch (error) {
    // Half of it would be taken for all that there is.
    rmSync(to, { force: true });
    throw error;
  }
}
