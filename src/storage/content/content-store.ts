import type { ContentHash, StagingId } from "../../model/ids.js";
import type { MaybePromise } from "../../model/maybe-promise.js";
import type { Timestamp } from "../../model/timestamp.js";
import type { SealedContent } from "../metadata/metadata-store.js";
import type { NeededContent, Problem } from "../metadata/scrub-store.js";

/**
 * The bytes of files. A content is either *sealed*: immutable, named by its hash, stored once
 * however many files have it; or *staged*: one file's content while it is being written.
 *
 * The life of a write: `createStaging` (with `copyUp` of the sealed content, if there was one),
 * writes, then `hash`, then `seal`. Metadata decides which of the two a file has; this store only
 * holds both.
 *
 * Every method may throw `io-failure`, `no-space`, `too-many-open-files`.
 */
export interface ContentStore {
  /** Opens a sealed content. Errors: `corrupt` when it isn't there or isn't readable. */
  open(content: { hash: ContentHash; sizeBytes: number }): ContentReader;
  /** A sealed content that is there; for recovery. */
  statSealed(hash: ContentHash): SealedContent | undefined;

  /** Makes an empty staging file. */
  createStaging(id: StagingId): StagingFile;
  /** Errors: `corrupt` when there is none. */
  openStaging(id: StagingId): StagingFile;
  /** Whether one is there, and what it says of itself; for recovery. */
  statStaging(id: StagingId): StagingStat | undefined;
  /**
   * All staging files there are; for recovery. After a restart, some that were discarded may be among
   * them.
   */
  stagingIds(): StagingId[];
  /**
   * Makes a staging file that starts with the first `lengthBytes` of a content. At once for a small
   * one; a large one is copied off the calling thread.
   *
   * After a power failure the copy is there with at least these bytes, or it isn't there at all: so
   * whoever names it durably loses nothing as long as the source is kept and named, too. `sync` it
   * to be sure that it is there.
   */
  copyUp(request: {
    source: ContentReader;
    id: StagingId;
    lengthBytes: number;
  }): MaybePromise<StagingFile>;

  /**
   * The hashes of staging files, computed off the calling thread. One that is gone has no entry, and
   * one that was cancelled needn't have one.
   */
  hash(ids: readonly StagingId[]): Promise<ReadonlyMap<StagingId, ContentHash>>;
  cancelHash(id: StagingId): void;
  /**
   * Puts staged contents among the sealed ones, durably, under the hashes that were computed; a
   * content that is there already stays. The staging files stay too, as other names of the same
   * bytes, and must not be written any more. Without an id the content is the empty one.
   */
  seal(requests: readonly SealRequest[]): Promise<SealedContent[]>;
  /** Removes staging files; ones that are gone already are fine. */
  discardStaging(ids: readonly StagingId[]): Promise<void>;
  /** Removes sealed contents. Requests are carried out in the order in which they come. */
  remove(hashes: readonly ContentHash[]): Promise<void>;

  /**
   * The sealed contents that lie on disk in one of {@link CONTENT_DIRECTORIES}, whoever needs them, looked for off the
   * calling thread. For finding those that a power failure left and nobody knows of.
   */
  sealedIn(directory: number): Promise<ContentHash[]>;
  /** Removes, or looks at, what nobody needs; in the order of requests, as {@link remove}. */
  handleNeedless(request: Needless): Promise<NeedlessFound>;
  /**
   * Reads sealed contents, one after the other and no faster than it is told, off the calling thread; and where that
   * can be had, from the disk, not from what the kernel has of them in memory. One that is removed meanwhile counts as
   * missing.
   */
  verify(request: Verification): Promise<Verified>;
  /** Ends what {@link verify} is at, early. */
  cancelVerify(): void;

  capacity(): Capacity;
  close(): Promise<void>;
}

/** Into how many directories sealed contents are divided, by how their hash begins. */
export const CONTENT_DIRECTORIES = 256;

/** Files that nobody needs. */
export interface Needless {
  /**
   * Sealed contents; or what seals that failed have left unfinished, which is all such files while no seal is at it.
   */
  readonly what: readonly ContentHash[] | "unfinished";
  readonly action: "remove" | "look";
  /** What has changed since is left alone: milliseconds since the epoch. */
  readonly changedBeforeMs: number;
}

export interface Verification {
  readonly contents: readonly NeededContent[];
  readonly bytesPerSecond: number;
}

export interface Verified {
  /** How many, from the first one on: all of them, or fewer when it was cancelled. */
  readonly count: number;
  readonly wrong: readonly WrongContent[];
}

/** A sealed content that isn't what it should be. */
export interface WrongContent {
  readonly hash: ContentHash;
  readonly problem: Problem;
  /** For people. */
  readonly detail: string;
}

/** Files, and their bytes. */
export interface Amount {
  readonly files: number;
  readonly bytes: number;
}

/** What there was of it. */
export interface NeedlessFound {
  /** What was removed, or would be. */
  readonly old: Amount;
  /** What was left alone for its age. */
  readonly young: Amount;
}

/** An open content. Positions and lengths are bytes. */
export interface ContentReader {
  readonly sizeBytes: number;
  /**
   * Reads up to `into.length` bytes; fewer only at the end of the content. Errors: `corrupt` when
   * bytes that should be there are not.
   */
  read(request: { into: Uint8Array; offset: number }): number;
  /** lseek(2) for data or holes; undefined when there is none (ENXIO). */
  seek(request: { offset: number; to: "data" | "hole" }): number | undefined;
  close(): void;
}

export interface StagingFile extends ContentReader {
  readonly id: StagingId;
  /** Writes all of `from`, or throws; then the file is as long as before, and a part may be written in it. */
  write(request: { from: Uint8Array; offset: number }): void;
  truncate(sizeBytes: number): void;
  /** fallocate(2). Errors: `not-supported`, `no-space`, `file-too-large`. */
  allocate(request: AllocateRequest): void;
  /** Copies a span of another content here; returns the bytes copied, fewer at its end. */
  copyFrom(request: CopyRequest): number;
  /** Gives the file this modification time, so that recovery finds it. */
  setModified(mtime: Timestamp): void;
  stat(): StagingStat;
  /** Resolves when the bytes, and the file itself, would survive a power failure. */
  sync(): Promise<void>;
}

export interface CopyRequest {
  readonly source: ContentReader;
  readonly offset: number;
  readonly toOffset: number;
  readonly length: number;
}

export interface AllocateRequest {
  readonly mode: "extend" | "keep-size" | "punch-hole" | "zero" | "zero-keep-size";
  readonly offset: number;
  readonly length: number;
}

export interface StagingStat {
  readonly sizeBytes: number;
  /** Of 512 bytes each, as allocated on disk. */
  readonly blocks: number;
  readonly mtime: Timestamp;
  /** Made read-only by `seal`: the same bytes may lie among the sealed ones already. */
  readonly isFrozen: boolean;
}

/**
 * A staged content for who copies it while it is kept from being removed: its bytes; or, of a large one,
 * that it is a file whose name is the id; or that there are no bytes under this id.
 */
export type StagedBytes =
  | { readonly id: StagingId; readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly id: StagingId; readonly kind: "file" | "none" };

export interface SealRequest {
  readonly id: StagingId | undefined;
  readonly hash: ContentHash;
  readonly sizeBytes: number;
  /** What lies under that hash is known to have other bytes: this takes its place. */
  readonly isReplacement?: boolean;
}

/** What statfs(2) tells of the place where contents lie. */
export interface Capacity {
  readonly blockBytes: number;
  readonly blocks: number;
  readonly blocksFree: number;
  readonly blocksAvailable: number;
  readonly filesFree: number;
}
