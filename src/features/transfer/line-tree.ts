import { NexusError } from "../../model/errors.js";
import type { ImportLine } from "./line-format.js";

/** The directories that a file of this path lies in, from its own up; without the root. */
export function* directoriesOf(path: string): Generator<string> {
  for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
    yield path.slice(0, end);
  }
}

/** The lines of an import, by path, as they come. Each path can be there once, as a file or a directory. */
export class LineTree {
  readonly #files = new Map<string, ImportLine>();
  /** With the first line that lies below. */
  readonly #directories = new Map<string, ImportLine>();

  get files(): ReadonlyMap<string, ImportLine> {
    return this.#files;
  }

  /** Errors: `invalid-argument`. */
  add(line: ImportLine): void {
    const { path } = line;
    const same = this.#files.get(path);
    if (same !== undefined) {
      const where = `at line ${line.lineNumber} and at line ${same.lineNumber}`;
      throw refused(path, `${path} is ${where}: a path can be there once`);
    }
    const below = this.#directories.get(path);
    if (below !== undefined) {
      const other = `${below.path} at line ${below.lineNumber}`;
      const problem = `${path} can't be a file: ${other} lies below it`;
      throw refused(path, `line ${line.lineNumber}: ${problem}`);
    }
    for (const directory of directoriesOf(path)) {
      // Then those further up are known, too.
      if (this.#directories.has(directory)) break;
      const above = this.#files.get(directory);
      if (above !== undefined) {
        const problem = `${path} can't lie below ${directory}, a file at line ${above.lineNumber}`;
        throw refused(path, `line ${line.lineNumber}: ${problem}`);
      }
      this.#directories.set(directory, line);
    }
    this.#files.set(path, line);
  }
}

function refused(path: string, message: string): NexusError {
  return new NexusError("invalid-argument", message, { op: "import", path });
}
