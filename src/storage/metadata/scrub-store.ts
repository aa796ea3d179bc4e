import type { ContentHash } from "../../model/ids.js";
import type { Timestamp } from "../../model/timestamp.js";

/**
 * How far the contents of a store have been read again to see whether they are still what they were, and what was
 * found to be wrong. Who opens the database finds the damage by path, in the view `damaged_files`.
 */
export interface ScrubStore {
  progress(): ScrubProgress;
  setProgress(progress: ScrubProgress): void;
  /** Up to `limit` contents that files have, in the order of their hashes, after this one (`""` starts). */
  neededAfter(page: { after: ContentHash | ""; limit: number }): readonly NeededContent[];
  /** A content, if a file has it. */
  needed(hash: ContentHash): NeededContent | undefined;
  /** One path of each of up to `limit` files that have this content. */
  pathsWith(request: { hash: ContentHash; limit: number }): string[];
  /** All that is known to be wrong, of contents that files have. */
  damage(): ContentDamage[];
  /** Notes it, or notes it anew. */
  noteDamage(damage: ContentDamage): void;
  /** That content isn't damaged any more, or isn't a content. */
  forgetDamage(hash: ContentHash): void;
}

/** A round reads each content once. */
export interface ScrubProgress {
  /** All up to this hash is done, of the round that is under way; undefined between two rounds. */
  readonly position: ContentHash | "" | undefined;
  /** When the last round began, and when the last whole one ended. */
  readonly beganAt: Timestamp | undefined;
  readonly endedAt: Timestamp | undefined;
}

export interface NeededContent {
  readonly hash: ContentHash;
  readonly sizeBytes: number;
}

/**
 * `changed`: it has other bytes than its hash says, or another size than its row says. The others show by themselves
 * when somebody reads it.
 */
export const PROBLEMS = ["changed", "missing", "unreadable"] as const;
export type Problem = (typeof PROBLEMS)[number];

export interface ContentDamage {
  readonly hash: ContentHash;
  readonly problem: Problem;
  /** For people. */
  readonly detail: string;
  readonly foundAt: Timestamp;
}
