import type { ContentHash } from "../../model/ids.js";

/** Finding files by name and by content, as far as the identity may see. */
export interface Search {
  /**
   * Paths that match a pattern, in order of paths as text. `**` stands for any directories, `*` and `?`
   * for parts of a name, `[...]` for one of some characters, `{a,b}` for alternatives. A pattern
   * without `/` at its start is relative to `path`. Names that begin with a dot are matched by
   * patterns that begin with one, and by all with `dot`. Errors: `invalid-argument` (the pattern).
   */
  glob(pattern: string, options?: GlobOptions): AsyncIterable<string>;
  /**
   * Lines that match a regular expression of JavaScript, file by file in the order of {@link glob}.
   * Binary files (a NUL in the first 8 KiB) are skipped. Contents are read as streams.
   * Errors: `invalid-argument` (the expression, the file glob).
   */
  grep(pattern: string | RegExp, options?: GrepOptions): AsyncIterable<GrepMatch>;
  /** Contents that several files have. Waits until what is staged is sealed. */
  findDuplicates(options?: DuplicateOptions): Promise<DuplicateReport>;
}

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
  /** Directories, too: no unless true. */
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
  readonly uniqueHashes: number;
  readonly duplicateGroups: number;
  readonly duplicateFiles: number;
  readonly duplicates: readonly {
    readonly contentHash: ContentHash;
    readonly sizeBytes: number;
    readonly paths: readonly string[];
  }[];
}
