import type { ContentHash } from "../../model/ids.js";

/** Finding files by name and by content, as far as the identity may see. */
export interface Search {
  /**
   * Paths that match a pattern, in order of paths as text. `**` stands for any directories, `*` and `?`
   * for parts of a name, `[...]` for one of some characters (`[!...]` for one of the others), `{a,b}`
   * for alternatives, `\` makes the next character mean itself. A pattern without `/` at its start is
   * relative to `path`; one that ends in `/` finds directories alone. Names that begin with a dot
   * are matched by patterns that begin with one, and by all with `dot`. A symlink is followed where
   * the pattern says its name letter by letter. What the identity may not see is left out; `path`
   * itself must be a directory that it may see. Errors: `invalid-argument` (the pattern),
   * `interrupted` (the signal), and those of `Files.stat` for `path`.
   */
  glob(pattern: string, options?: GlobOptions): AsyncIterable<string>;
  /**
   * Lines that match a regular expression of JavaScript, file by file in the order of {@link glob}, those
   * with a dot at the beginning of their names, too. Binary files (a NUL in the first 8 KiB) are
   * skipped, and so is a file that is gone before it is read. Contents are read as streams: of a
   * line over 1 Mi characters only these are matched and shown; what isn't UTF-8 becomes U+FFFD.
   *
   * An expression that backtracks without end, like `(a+)+$`, can't be stopped, by the signal neither:
   * take care whose expressions you run, or take `fixedString`.
   *
   * Errors: `invalid-argument` (the expression, the file glob, a number of lines), `interrupted`, and
   * those of `Files.stat` and `Files.createReadStream`.
   */
  grep(pattern: string | RegExp, options?: GrepOptions): AsyncIterable<GrepMatch>;
  /**
   * Contents that several files have, empty ones too. Waits until what is staged is sealed. Hard links
   * are one file, under its first path; a file that is being written has no content to compare yet.
   * Holds a path of every file in memory. Errors: `interrupted`, and those of `Files.walk`.
   */
  findDuplicates(options?: DuplicateOptions): Promise<DuplicateReport>;
}

/** Told every hundred files, every 8 MiB, and at the end. */
export interface SearchProgress {
  readonly filesSeen: number;
  readonly bytesRead: number;
  /** Where it is now. */
  readonly path: string;
}

export interface GlobOptions {
  /** Where to begin, `/` by default. */
  readonly path?: string;
  readonly dot?: boolean;
  /** Directories, too: no unless true, or the pattern ends in `/`. */
  readonly directories?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: SearchProgress) => void;
}

export interface GrepOptions {
  /** A directory or a file; `/` by default. */
  readonly path?: string;
  /** Only files whose name, or whose path below `path` if it has a `/`, matches. */
  readonly fileGlob?: string;
  readonly ignoreCase?: boolean;
  /** The pattern is plain text. */
  readonly fixedString?: boolean;
  /** Lines of context before and after each match. */
  readonly before?: number;
  readonly after?: number;
  /** Ends after so many matches. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: SearchProgress) => void;
}

export interface GrepMatch {
  readonly path: string;
  /** From 1. */
  readonly lineNumber: number;
  /** Without its end. */
  readonly line: string;
  /** What matched first, as offsets into the line. */
  readonly start: number;
  readonly end: number;
  /** As many as asked for and there are, in order. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

export interface DuplicateOptions {
  readonly prefix?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: SearchProgress) => void;
}

export interface DuplicateReport {
  readonly totalFiles: number;
  /** How many different contents there are. */
  readonly uniqueHashes: number;
  readonly duplicateGroups: number;
  /** All files of all groups. */
  readonly duplicateFiles: number;
  /** What wastes most bytes comes first. */
  readonly duplicates: readonly {
    readonly contentHash: ContentHash;
    /** Of one of the files. */
    readonly sizeBytes: number;
    /** In order, as text. */
    readonly paths: readonly string[];
  }[];
}
