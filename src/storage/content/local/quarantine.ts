import { appendFileSync, existsSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { makeDirectories } from "../../../libc/directories.js";
import { fsError } from "../../../libc/system-error.js";

const DIRECTORY = "lost+found";
const RECORD = "record.jsonl";

/**
 * Where files of the data directory go that are of no use to the store and may be to people: damaged contents,
 * and what is none. They are renamed, so the bytes that there are stay as they are.
 *
 * What they were is noted in a file beside them, a line of JSON each: so it can be read when the database can't,
 * and goes with them wherever somebody takes them.
 */
export class Quarantine {
  readonly #directory: string;

  constructor(dataDir: string) {
    this.#directory = join(dataDir, DIRECTORY);
  }

  /** Moves a file there, and notes why and which `paths` of the namespace had it; returns where it is now. Errors: `io-failure`, `no-space`, `access-denied`. */
  put(path: string, { why, paths = [] }: { why: string; paths?: readonly string[] }): string {
    try {
      makeDirectories(this.#directory, { mode: 0o700 });
      const file = this.#freeName(basename(path));
      const record = { at: new Date().toISOString(), file, from: path, why, paths };
      // First: a file without a line would be a riddle, a line without its file isn't.
      appendFileSync(join(this.#directory, RECORD), `${JSON.stringify(record)}\n`, { mode: 0o600 });
      const target = join(this.#directory, file);
      renameSync(path, target);
      return target;
    } catch (error) {
      throw fsError(error, { op: "put away", path });
    }
  }

  /** The same content may have been damaged before. */
  #freeName(name: string): string {
    for (let number = 1; ; number++) {
      const free = number === 1 ? name : `${name}.${number}`;
      if (!existsSync(join(this.#directory, free))) return free;
    }
  }
}
