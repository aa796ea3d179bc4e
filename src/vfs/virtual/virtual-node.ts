import { type Attributes, S_IFDIR, S_IFLNK, S_IFREG } from "../../model/attributes.js";
import type { Caller } from "../../model/identity.js";
import type { Ino } from "../../model/ids.js";
import type { MaybePromise } from "../../model/maybe-promise.js";
import type { Timestamp } from "../../model/timestamp.js";

/**
 * Something below a virtual directory. It answers each caller by itself: what one identity sees,
 * another one need not. Nobody can change it.
 */
export type VirtualNode = VirtualDirectory | VirtualFile | VirtualSymlink;

interface Node {
  readonly ino: Ino;
  /** Errors: `not-found` when it is gone. */
  attributes(caller: Caller): MaybePromise<Attributes>;
}

export interface VirtualDirectory extends Node {
  readonly kind: "directory";
  readonly parent: Ino;
  /** What a name leads to, with a look-up counted where the node counts them. */
  find(caller: Caller, name: string): VirtualNode | undefined;
  /** A listing from its beginning. */
  list(): Listing;
  /** Up to `limit` names after this one, in the order of their UTF-8 (`""` starts). */
  names(caller: Caller, page: { readonly after: string; readonly limit: number }): string[];
}

export interface VirtualFile extends Node {
  readonly kind: "file";
  /** All of it, as it is now. */
  text(caller: Caller): MaybePromise<string>;
}

export interface VirtualSymlink extends Node {
  readonly kind: "symlink";
  /** Errors: `not-found` when it is gone. */
  target(caller: Caller): string;
  forget(count: number): void;
}

/** Somebody's way through a directory. What it remembers of that is bounded. */
export interface Listing {
  /**
   * Hands over the entries after this cookie, until `emit` returns false. Errors: `stale` for a
   * cookie that the listing can't go on from.
   */
  read(caller: Caller, request: ListingRequest): void;
}

export interface ListingRequest {
  /** {@link LAST_DOT_COOKIE} for all. */
  readonly after: number;
  /** About how many entries the caller has room for. */
  readonly limit: number;
  readonly emit: (entry: VirtualEntry) => boolean;
}

export interface VirtualEntry {
  readonly name: string;
  readonly ino: Ino;
  readonly mode: number;
  readonly cookie: number;
}

/** Cookies up to this one are those of `.` and `..`. */
export const LAST_DOT_COOKIE = 2;

/** Who has the nodes, and since when they are there. */
export interface Provenance {
  readonly uid: number;
  readonly gid: number;
  readonly time: Timestamp;
}

/** Type and permissions of what can only be looked at. */
export const VIRTUAL_MODE = {
  directory: S_IFDIR | 0o555,
  file: S_IFREG | 0o444,
  symlink: S_IFLNK | 0o777,
} as const satisfies Record<VirtualNode["kind"], number>;

/** One link says of a directory "not counted", as on btrfs. */
export function virtualAttributes({
  ino,
  kind,
  sizeBytes,
  provenance: { uid, gid, time },
}: {
  ino: Ino;
  kind: VirtualNode["kind"];
  sizeBytes: number;
  provenance: Provenance;
}): Attributes {
  const mode = VIRTUAL_MODE[kind];
  const times = { atime: time, mtime: time, ctime: time, btime: time };
  return { ino, mode, uid, gid, nlink: 1, sizeBytes, blocks: 0, rdev: 0, ...times };
}
