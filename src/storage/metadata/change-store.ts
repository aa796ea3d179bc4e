import type { Ino } from "../../model/ids.js";
import type { Timestamp } from "../../model/timestamp.js";
import type { WorkStatus } from "../../model/work.js";

/**
 * What happened to the namespace, in order, for those who watch it. A change is recorded in the
 * transaction that makes it, whoever asked for it, so the two survive a kill -9 together or not at all.
 *
 * It is recorded only while somebody watches and for an hour after, and then costs nothing. Changes are
 * kept for an hour and up to a number, whatever comes first.
 *
 * Isolation is the caller's business, by both paths.
 */
export interface ChangeStore {
  /**
   * From now on changes are recorded, until an hour after this ended. Tells `listener` of transactions
   * that recorded something; it must not throw. Returns what ends it.
   */
  watchChanges(listener: () => void): () => void;
  /** Where the record ends now: what comes after it is to come. Errors: `stale` when nobody watches. */
  newestChange(): ChangePosition;
  /**
   * Up to `limit` changes after this one, oldest first. Errors: `stale` when there were some that are
   * not kept any more, when nobody was watching for a while, and for a position in another store.
   */
  changesAfter(page: { after: ChangePosition; limit: number }): ChangeRecord[];
}

/** A place between two changes: after this one. */
export interface ChangePosition {
  readonly store: string;
  readonly seq: number;
  /** That of the change. After a power failure its number may be another's. */
  readonly time: Timestamp;
}

interface ChangeBase {
  readonly position: ChangePosition;
  readonly ino: Ino;
  /** As in `struct dirent`. */
  readonly type: number;
  /** Absolute, at the time of the change. */
  readonly path: string;
}

/** An inode with several names gives one change for each of them, where it is about the inode. */
export type ChangeRecord = ChangeBase & ChangeDetails;

export type ChangeDetails =
  /** `isNew` is false for what was somewhere before: a directory may have something in it. */
  | { readonly kind: "created"; readonly isNew: boolean }
  | { readonly kind: "removed" }
  | { readonly kind: "renamed"; readonly oldPath: string }
  | InodeChange
  /** Recording began; nothing happened. */
  | { readonly kind: "started" };

/** What happens to an inode, whatever its names. */
export type InodeChange =
  | { readonly kind: "modified" }
  | { readonly kind: "attributes" }
  | { readonly kind: "metadata"; readonly keys: readonly string[] }
  /** As lists of the queue have it; undefined when it is no item. */
  | {
      readonly kind: "work";
      readonly status: WorkStatus | undefined;
      readonly oldStatus: WorkStatus | undefined;
    };
