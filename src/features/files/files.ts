import type { Readable } from "node:stream";
import type { AgentId, ContentHash, Ino, PathId, TenantId } from "../../model/ids.js";
import type { Timestamp } from "../../model/timestamp.js";

/**
 * Files by path, on behalf of one identity. Paths are absolute and canonical or become so: a relative
 * one starts at the root, `//` and a trailing `/` collapse. Symlinks are followed where POSIX follows
 * them; an absolute target starts at the root of the namespace.
 *
 * Isolation holds on every method, by the path alone and before any look-up. Errors of all: `access-denied`,
 * `read-only` (for what changes something), `invalid-path`, `name-too-long`, `not-found`,
 * `not-a-directory`, `symlink-loop`, `io-failure`, `corrupt`, `no-space`; more are said per method.
 */
export interface Files {
  /**
   * Gives a file this content, as one step: whoever reads it meanwhile has the whole old or the whole
   * new one, and what fails halfway leaves the old one. Directories on the way are made. The file
   * keeps its path_id and its metadata. Errors: `is-a-directory`, `precondition-failed`,
   * `invalid-argument` (no content, no mode).
   */
  write(path: string, content: WriteContent, options?: WriteOptions): Promise<FileStat>;
  /**
   * Several files as one transaction: all of them or none, also of the directories on the way. Errors as
   * for {@link write}.
   */
  writeMany(
    files: Iterable<{ readonly path: string; readonly content: string | Uint8Array }>,
    options?: Pick<WriteOptions, "durable">,
  ): Promise<FileStat[]>;
  /**
   * The whole content, or a span of it. Errors: `is-a-directory`, `file-too-large` (no memory can be had
   * for so much at once; see {@link createReadStream}).
   */
  read(path: string, options?: ReadOptions): Promise<Buffer>;
  /**
   * The same as a stream, which never has more than a few chunks in memory. As for any open file, what
   * is written meanwhile is what the rest is read from.
   */
  createReadStream(path: string, options?: ReadOptions): Readable;
  /**
   * Appends, as O_APPEND does: at the end as it is then. Makes the file if need be. What was appended until
   * it fails or aborts stays.
   */
  append(path: string, content: WriteContent, options?: AppendOptions): Promise<FileStat>;

  /** Removes a file or a symlink. Errors: `is-a-directory`. */
  delete(path: string, options?: { readonly missingOk?: boolean }): Promise<void>;
  /** False also for what the identity may not see. */
  exists(path: string): Promise<boolean>;
  /** Follows a symlink. With the etag a content that isn't sealed yet is hashed first. */
  stat(path: string, options?: StatOptions): Promise<FileStat>;
  /** False for what isn't there. */
  isDirectory(path: string): Promise<boolean>;

  /** Errors: `already-exists` unless `existOk`, `not-found` without `parents`. */
  mkdir(path: string, options?: MkdirOptions): Promise<void>;
  /** Errors: `directory-not-empty` without `recursive`, `busy` (the root of a namespace). */
  rmdir(path: string, options?: RmdirOptions): Promise<void>;
  /** Errors as rename(2), and `cross-zone`; see {@link move}. */
  rename(from: string, to: string): Promise<void>;
  /** The same between zones, too: there it copies by reference, with all metadata, and deletes. */
  move(from: string, to: string, options?: CopyOptions): Promise<void>;
  /**
   * Copies a file by reference, or a tree with `recursive`. Without `overwrite: false` files that are
   * there get the new content. Custom metadata comes along unless it means something to the queue.
   */
  copy(from: string, to: string, options?: CopyOptions): Promise<void>;

  /**
   * What lies below a directory, in the order of paths as text. Files only and recursive unless
   * told otherwise. What the identity may not enter is left out.
   */
  list(options?: ListOptions): Promise<ListPage>;
  /** All pages of {@link list}, one entry after the other. */
  walk(options?: Omit<ListOptions, "limit" | "cursor">): AsyncIterable<ListedFile>;
}

/** Text is written as UTF-8. A stream is read to its end before the file changes. */
export type WriteContent =
  | string
  | Uint8Array
  | Iterable<Uint8Array | string>
  | AsyncIterable<Uint8Array | string>;

export interface WriteOptions {
  /**
   * Only if the file has this content now. An undefined one is `invalid-argument`, not no condition: it
   * is the etag of a file that was being written.
   */
  readonly ifMatch?: string | undefined;
  /** Only if it hasn't this content; `*`: only if there is no file. Undefined as above. */
  readonly ifNoneMatch?: string | undefined;
  /** Returns when it would survive a power failure; what returns earlier survives kill -9. */
  readonly durable?: boolean;
  /** Whether directories on the way are made: yes unless false. */
  readonly parents?: boolean;
  /** Permission bits of a new file, 0 to 0o7777; 0o644 by default. */
  readonly mode?: number;
  readonly signal?: AbortSignal;
  /** Told how many bytes were taken so far. */
  readonly onProgress?: (bytes: number) => void;
}

export type AppendOptions = Pick<WriteOptions, "durable" | "signal" | "onProgress">;

export interface ReadOptions {
  /** The first byte. */
  readonly start?: number;
  /** The byte after the last one. */
  readonly end?: number;
  readonly signal?: AbortSignal;
}

export interface StatOptions {
  /** Computes the etag of a content that isn't sealed yet: yes unless false. */
  readonly etag?: boolean;
  /** What a symlink leads to rather than itself: yes unless false. */
  readonly followSymlinks?: boolean;
}

export interface MkdirOptions {
  readonly parents?: boolean;
  readonly existOk?: boolean;
  /** Permission bits, 0 to 0o7777; 0o755 by default. */
  readonly mode?: number;
}

export interface RmdirOptions {
  readonly recursive?: boolean;
  readonly missingOk?: boolean;
}

export interface CopyOptions {
  readonly recursive?: boolean;
  readonly overwrite?: boolean;
  /** What was copied until it aborts stays. */
  readonly signal?: AbortSignal;
  /** Told of each file that was copied. */
  readonly onProgress?: (path: string) => void;
}

export interface ListOptions {
  /** Where to begin: a directory, or a file that is then the only entry. `/` by default. */
  readonly prefix?: string;
  /** Below directories, too: yes unless false. */
  readonly recursive?: boolean;
  /** Lists directories, too: no unless true. With `recursive: false`, yes unless false. */
  readonly directories?: boolean;
  /** At most so many entries: 1,000 by default. */
  readonly limit?: number;
  /** Goes on where the page with this cursor ended. */
  readonly cursor?: string;
  readonly signal?: AbortSignal;
}

export interface ListPage {
  readonly entries: ListedFile[];
  /** For the next page; undefined when this was the last one. */
  readonly cursor: string | undefined;
}

export type FileType = "file" | "directory" | "symlink" | "other";

/** An entry as a listing has it: all that takes no look at the content. */
export interface ListedFile {
  readonly path: string;
  readonly type: FileType;
  readonly ino: Ino;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly size: number;
  readonly createdAt: Date;
  readonly modifiedAt: Date;
}

/** Everything that is known of a file. */
export interface FileStat extends ListedFile {
  readonly pathId: PathId;
  /** The SHA-256 of the content; undefined for what is no regular file, and while it is written. */
  readonly etag: ContentHash | undefined;
  /** How often the content has changed. */
  readonly version: number;
  readonly mimeType: string | undefined;
  readonly accessedAt: Date;
  readonly changedAt: Date;
  readonly tenantId: TenantId | undefined;
  readonly agentId: AgentId | undefined;
  /** What a Date can't hold: to the nanosecond. */
  readonly exactTimes: {
    readonly createdAt: Timestamp;
    readonly modifiedAt: Timestamp;
  };
}
