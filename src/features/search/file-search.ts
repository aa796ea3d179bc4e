import { NexusError } from "../../model/errors.js";
import { canonicalPath } from "../../model/path.js";
import type { FileStat } from "../files/files.js";
import { findDuplicates } from "./duplicates.js";
import { type GlobPosition, parseFileGlob, parseGlob } from "./glob-pattern.js";
import { globWalk, requireUninterrupted, type SearchedFiles } from "./glob-walk.js";
import { grepFile } from "./grep-file.js";
import { lineMatcher } from "./line-matcher.js";
import { ProgressCounter } from "./progress.js";
import type {
  DuplicateOptions,
  DuplicateReport,
  GlobOptions,
  GrepMatch,
  GrepOptions,
  Search,
} from "./search.js";

/** So many are announced before they are read. */
const FILES_AHEAD = 8;

/** Searches by walking the tree and reading the contents, with the eyes of those files' identity. */
export class FileSearch implements Search {
  readonly #files: SearchedFiles;

  constructor(options: { readonly files: SearchedFiles }) {
    this.#files = options.files;
  }

  async *glob(pattern: string, options: GlobOptions = {}): AsyncGenerator<string> {
    const { signal } = options;
    const directories = options.directories === true || pattern.endsWith("/");
    const position = parseGlob(pattern, { dot: options.dot ?? false });
    const root = pattern.startsWith("/") ? "/" : canonicalPath(options.path ?? "/");
    const progress = new ProgressCounter({ path: root, report: options.onProgress });
    requireUninterrupted(signal);
    const { type } = await this.#files.stat(root, { etag: false });
    if (type !== "directory") {
      throw new NexusError("not-a-directory", `'${root}' is no directory to look in`, {
        op: "glob",
        path: root,
      });
    }
    for await (const entry of globWalk({
      files: this.#files,
      root,
      position,
      signal,
      onSeen: ({ path }) => progress.sawFile(path),
    })) {
      if (directories || entry.type !== "directory") yield entry.path;
      requireUninterrupted(signal);
    }
    progress.tell();
  }

  async *grep(pattern: string | RegExp, options: GrepOptions = {}): AsyncGenerator<GrepMatch> {
    const { ignoreCase = false, fixedString = false, before = 0, after = 0, signal } = options;
    const match = lineMatcher(pattern, { ignoreCase, fixedString });
    const position = parseFileGlob(options.fileGlob ?? "*");
    requireCount("before", before);
    requireCount("after", after);
    let limit = options.limit ?? Number.POSITIVE_INFINITY;
    if (options.limit !== undefined) requireCount("limit", limit);
    const root = canonicalPath(options.path ?? "/");
    const progress = new ProgressCounter({ path: root, report: options.onProgress });
    requireUninterrupted(signal);
    if (limit === 0) return;
    const stat = await this.#files.stat(root, { etag: false });
    const paths = this.#filesBelow({ root, stat, position, signal });
    for await (const path of this.#announced(paths, signal)) {
      progress.sawFile(path);
      const file = { files: this.#files, path, match, before, after, limit, signal, progress };
      for await (const found of grepFile(file)) {
        limit -= 1;
        yield found;
        requireUninterrupted(signal);
      }
      if (limit === 0) break;
    }
    progress.tell();
  }

  async findDuplicates(options: DuplicateOptions = {}): Promise<DuplicateReport> {
    const { signal } = options;
    const prefix = canonicalPath(options.prefix ?? "/");
    const progress = new ProgressCounter({ path: prefix, report: options.onProgress });
    requireUninterrupted(signal);
    const report = await findDuplicates({ files: this.#files, prefix, signal, progress });
    progress.tell();
    return report;
  }

  /** The same paths; whoever has the files is told of the next few, if he wants to know. */
  async *#announced(
    paths: AsyncGenerator<string>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<string> {
    const files = this.#files;
    if (files.willRead === undefined) return yield* paths;
    const next: Promise<IteratorResult<string>>[] = [];
    const announce = ({ done, value }: IteratorResult<string>) => {
      if (done !== true) files.willRead?.(value, signal && { signal });
    };
    const pull = () => {
      const path = paths.next();
      path.then(announce, () => undefined);
      next.push(path);
    };
    try {
      for (let count = 0; count < FILES_AHEAD; count += 1) pull();
      for (let path = await next.shift(); path?.done === false; path = await next.shift()) {
        pull();
        yield path.value;
      }
    } finally {
      await paths.return(undefined);
    }
  }

  /** The regular files to read: those below a directory, or the one that the path leads to. */
  async *#filesBelow(options: {
    readonly root: string;
    readonly stat: FileStat;
    readonly position: GlobPosition;
    readonly signal: AbortSignal | undefined;
  }): AsyncGenerator<string> {
    const { root, stat, position, signal } = options;
    if (stat.type !== "directory") {
      const name = root.slice(root.lastIndexOf("/") + 1);
      const matches = position.after(name).accepts({ isDirectory: false });
      if (stat.type === "file" && matches) yield root;
      return;
    }
    const ignore = () => undefined;
    for await (const entry of globWalk({
      files: this.#files,
      root,
      position,
      signal,
      onSeen: ignore,
    })) {
      if (entry.type === "file") yield entry.path;
    }
  }
}

function requireCount(name: string, count: number): void {
  if (Number.isSafeInteger(count) && count >= 0) return;
  throw new NexusError("invalid-argument", `'${name}' must be a number from 0 on, not ${count}`);
}
