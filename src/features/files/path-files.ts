import type { Readable } from "node:stream";
import { isDirectory } from "../../model/attributes.js";
import { isKind } from "../../model/errors.js";
import { append } from "./append.js";
import { copy, move, rename } from "./copy.js";
import { fileStat } from "./file-stat.js";
import type {
  AppendOptions,
  CopyOptions,
  FileStat,
  Files,
  ListedFile,
  ListOptions,
  ListPage,
  MkdirOptions,
  ReadOptions,
  RmdirOptions,
  StatOptions,
  WriteContent,
  WriteOptions,
} from "./files.js";
import { list, walkFiles } from "./list.js";
import { makeDirectory } from "./make-directory.js";
import { type PathParts, PathWalk, type Spot } from "./path-walk.js";
import { createReadStream, read } from "./read.js";
import { deleteFile, removeDirectory } from "./remove.js";
import { write, writeMany } from "./write.js";

/** {@link Files} on a file system, for one caller. */
export class PathFiles implements Files {
  readonly #parts: PathParts;

  constructor(parts: PathParts) {
    this.#parts = parts;
  }

  write(path: string, content: WriteContent, options: WriteOptions = {}): Promise<FileStat> {
    return write(this.#parts, { ...options, path, content });
  }

  writeMany(
    files: Iterable<{ readonly path: string; readonly content: string | Uint8Array }>,
    options: Pick<WriteOptions, "durable"> = {},
  ): Promise<FileStat[]> {
    return writeMany(this.#parts, { ...options, files });
  }

  read(path: string, options: ReadOptions = {}): Promise<Buffer> {
    return read(this.#parts, { ...options, path });
  }

  createReadStream(path: string, options: ReadOptions = {}): Readable {
    return createReadStream(this.#parts, { ...options, path });
  }

  append(path: string, content: WriteContent, options: AppendOptions = {}): Promise<FileStat> {
    return append(this.#parts, { ...options, path, content });
  }

  delete(path: string, options: { readonly missingOk?: boolean } = {}): Promise<void> {
    return deleteFile(this.#parts, { ...options, path });
  }

  async exists(path: string): Promise<boolean> {
    return (await this.#find(path)) !== undefined;
  }

  stat(path: string, options: StatOptions = {}): Promise<FileStat> {
    const { etag = true, followSymlinks = true } = options;
    return PathWalk.during(this.#parts, async (walk) => {
      const spot = await walk.require(path, { access: "read", followLast: followSymlinks });
      return await fileStat(walk, { path: spot.path, entry: spot.entry, etag });
    });
  }

  async isDirectory(path: string): Promise<boolean> {
    const spot = await this.#find(path);
    return spot?.entry !== undefined && isDirectory(spot.entry.attributes.mode);
  }

  mkdir(path: string, options: MkdirOptions = {}): Promise<void> {
    return makeDirectory(this.#parts, { ...options, path });
  }

  rmdir(path: string, options: RmdirOptions = {}): Promise<void> {
    return removeDirectory(this.#parts, { ...options, path });
  }

  rename(from: string, to: string): Promise<void> {
    return rename(this.#parts, { from, to });
  }

  move(from: string, to: string, options: CopyOptions = {}): Promise<void> {
    return move(this.#parts, { ...options, from, to });
  }

  copy(from: string, to: string, options: CopyOptions = {}): Promise<void> {
    return copy(this.#parts, { ...options, from, to });
  }

  list(options: ListOptions = {}): Promise<ListPage> {
    return list(this.#parts, options);
  }

  walk(options: Omit<ListOptions, "limit" | "cursor"> = {}): AsyncIterable<ListedFile> {
    return walkFiles(this.#parts, options);
  }

  /** Undefined for what isn't there, as far as the identity is told. */
  async #find(path: string): Promise<Spot | undefined> {
    try {
      return await PathWalk.during(this.#parts, (walk) => walk.require(path, { access: "read" }));
    } catch (error) {
      const kinds = ["not-found", "access-denied", "not-a-directory", "symlink-loop"] as const;
      if (kinds.some((kind) => isKind(error, kind))) return undefined;
      throw error;
    }
  }
}
