import type { Attributes } from "../../../model/attributes.js";
import type { MaybePromise } from "../../../model/maybe-promise.js";
import type { FileSystemStat } from "../../../vfs/file-system.js";

/**
 * What libfuse asks, by path: one method for each of its callbacks, in the shapes that go from one thread to
 * another. A path is absolute and canonical; `file` is what `open` or `create` gave. The errors are those of
 * the FileSystem.
 */
export interface PathCalls {
  /** An open file goes by `file`, whatever became of its path. */
  getattr(request: { path: string; file?: number }): MaybePromise<Attributes>;
  chmod(request: { path: string; mode: number }): MaybePromise<void>;
  /** {@link UNCHANGED_ID} stays. */
  chown(request: { path: string; uid: number; gid: number }): MaybePromise<void>;
  truncate(request: { path: string; sizeBytes: number; file?: number }): MaybePromise<void>;
  utimens(request: { path: string; atimeMs: number; mtimeMs: number }): MaybePromise<void>;

  mknod(request: { path: string; mode: number; rdev: number }): MaybePromise<void>;
  mkdir(request: { path: string; mode: number }): MaybePromise<void>;
  symlink(request: { path: string; target: string }): MaybePromise<void>;
  /** Errors: also `invalid-encoding`, for a target that isn't UTF-8. */
  readlink(request: { path: string }): MaybePromise<string>;
  link(request: { path: string; newPath: string }): MaybePromise<void>;
  unlink(request: { path: string }): MaybePromise<void>;
  rmdir(request: { path: string }): MaybePromise<void>;
  rename(request: { path: string; newPath: string }): MaybePromise<void>;
  /** With `.` and `..`. */
  readdir(request: { path: string }): MaybePromise<ListedName[]>;

  /** `flags` are open(2)'s. Answers with the number of an open file, 1 to 2^31 - 1. */
  open(request: { path: string; flags: number }): MaybePromise<number>;
  /** The same. `flags` is undefined where they aren't known: then the file may be there. */
  create(request: { path: string; mode: number; flags: number | undefined }): MaybePromise<number>;
  read(request: { file: number; offset: number; length: number }): MaybePromise<Uint8Array>;
  /** All of it. `flags` are those of now, or undefined where they aren't known. */
  write(request: {
    file: number;
    offset: number;
    data: Uint8Array;
    flags?: number | undefined;
  }): MaybePromise<void>;
  release(request: { file: number }): MaybePromise<void>;
  fsync(request: { path: string; file?: number }): MaybePromise<void>;

  /** Errors: also `no-attribute`. */
  getxattr(request: { path: string; name: string }): MaybePromise<Uint8Array>;
  listxattr(request: { path: string }): MaybePromise<string[]>;
  /** `flags` are setxattr(2)'s. */
  setxattr(request: {
    path: string;
    name: string;
    value: Uint8Array;
    flags: number;
  }): MaybePromise<void>;
  removexattr(request: { path: string; name: string }): MaybePromise<void>;
  statfs(request: { path: string }): MaybePromise<FileSystemStat>;
}

export interface ListedName {
  readonly name: string;
  readonly ino: number;
  /** Only the type bits count. */
  readonly mode: number;
}

/** chown(2)'s -1, in the 32 bits that an id has. */
export const UNCHANGED_ID = 0xffff_ffff;

export type PathCall = keyof PathCalls;
export type PathRequest<C extends PathCall> = Parameters<PathCalls[C]>[0];
export type PathResult<C extends PathCall> = Awaited<ReturnType<PathCalls[C]>>;

/** A call on its way to the fs thread. */
export interface PathQuestion<C extends PathCall = PathCall> {
  readonly number: number;
  readonly call: C;
  readonly request: PathRequest<C>;
}

/** What became of it; the errno is positive. */
export type PathAnswer =
  | { readonly number: number; readonly result: unknown }
  | { readonly number: number; readonly errno: number };
