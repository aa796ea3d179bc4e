import type { Ino, PathId } from "../../model/ids.js";
import type { Timestamp } from "../../model/timestamp.js";
import type { DependencyReference, WorkStatus } from "../../model/work.js";

/**
 * The work queue as the store keeps it: DESIGN, section 8. The truth about an item is its custom
 * metadata (`status`, `priority`, `depends_on`, ...); beside it the store keeps an index that answers
 * "what is next" without looking at the rest, in the same transactions.
 *
 * An item changes its status by itself in two ways: the last of its dependencies completes and a
 * blocked one becomes ready; a lease runs out and one in progress becomes ready again. Neither moves
 * the file's ctime: nobody has changed the file.
 *
 * Every method is one transaction. A claim is acknowledged as all of the store is: it survives kill -9,
 * and other programs see it within milliseconds. Isolation is the caller's business, by zone: see `zonePath` in
 * core/place.ts for what names one.
 */
export interface WorkStore {
  /** The zones that have items, by their paths: the same list until another one comes. */
  workZones(): readonly string[];
  /** Items in order of work: see {@link WorkState}. */
  listWork(query: WorkQuery): WorkRecord[];
  /** How many items there are in each state. `zones` as in {@link WorkQuery}. */
  countWork(query: { zones: readonly string[] | "all" }): WorkCounts;
  /** Undefined when the inode is no work item, or has no name. */
  workItem(ino: Ino): WorkRecord | undefined;
  /** What an item waits for, or waited for, in the order in which it was written. */
  dependenciesOf(ino: Ino): Dependency[];

  /**
   * Gives the item to a worker until the lease ends; one that has it already keeps it for longer.
   * Errors: `busy` (another worker has it), `try-again` (it isn't ready), `invalid-argument` (no work
   * item), `not-found`.
   */
  claimWork(request: ClaimRequest & FoundItem): WorkRecord;
  /** Claims the first item that is ready; undefined when none is. */
  claimNextWork(
    request: ClaimRequest & { readonly zones: readonly string[] | "all" },
  ): WorkRecord | undefined;
  /**
   * Moves the end of the lease. Errors: `busy` (another worker has it), `stale` (the worker doesn't
   * have it any more), `not-found`.
   */
  renewWork(request: ClaimRequest & FoundItem): WorkRecord;
  /**
   * Ends the work on an item that the worker has. Without a worker it is ended whoever has it, as by
   * setting its status. Errors as for {@link renewWork}.
   */
  finishWork(request: FinishRequest): WorkRecord;

  /**
   * Items whose lease ended become ready, and the attempt counts: the earliest few hundred of them at
   * a time. Returns how many.
   */
  expireLeases(now: Timestamp): number;
  /** When the next lease ends, in milliseconds since the epoch. */
  nextLeaseEndMs(): number | undefined;
  /** Tells `listener` of each transaction after which one of these may be so. Returns what ends that. */
  watchWork(listener: (news: WorkNews) => void): () => void;

  /** By which rules the zones in the index were found; undefined for an index that isn't built. */
  workIndexRules(): string | undefined;
  /** Regular files with a status or dependencies, after this inode, in order of inodes. */
  filesWithWork(page: { after: Ino; limit: number }): FileWithWork[];
  /** Brings status and zone of these files in the index in line with their metadata; what is leased stays so. */
  reindexWork(files: readonly WorkIndexEntry[]): void;
  /**
   * Finds what a file waits for, when the index has all zones. Errors: `invalid-argument` when new references would
   * make it wait for itself.
   */
  reindexDependencies(file: FileToResolve): void;
  /** The index is complete, by these rules. */
  setWorkIndexRules(rules: string): void;
}

/** `ready`: an item may have become ready. `leased`: a lease was given that may end before all others. */
export type WorkNews = "ready" | "leased";

/**
 * Where an item stands. `blocked` has what is `ready` by its status and waits for a dependency, too.
 * The order of work: by priority (none last), then the oldest first; of those blocked, the ones with
 * most blockers first; of those in progress, the one that was started last first.
 */
export type WorkState = WorkStatus;

export type WorkCounts = Readonly<Record<WorkState, number>>;

export interface WorkQuery {
  /** Undefined for all of them, by priority and age. */
  readonly state: WorkState | undefined;
  /** The zones to look at; `all` is quicker than naming all. */
  readonly zones: readonly string[] | "all";
  readonly limit: number;
  /** Goes on after this item, with the same order. */
  readonly after?: WorkPosition;
}

/** A place in the order of work. */
export interface WorkPosition {
  readonly urgency: number;
  readonly createdUs: number;
  readonly ino: Ino;
}

export interface WorkRecord extends WorkPosition {
  readonly pathId: PathId;
  /** One of the file's names, absolute. */
  readonly path: string;
  readonly state: WorkState;
  readonly status: WorkStatus;
  readonly priority: number | undefined;
  readonly zone: string;
  /** Dependencies that are not completed. */
  readonly blockerCount: number;
  readonly workerId: string | undefined;
  /** As the metadata has it. */
  readonly startedAt: string | undefined;
  readonly completedAt: string | undefined;
  /** Attempts that ended without success. */
  readonly attempts: number;
  /** Milliseconds since the epoch; undefined when it was not claimed. */
  readonly leaseEndMs: number | undefined;
  readonly sizeBytes: number;
  readonly createdAt: Timestamp;
  readonly modifiedAt: Timestamp;
}

export interface ClaimRequest {
  readonly workerId: string;
  readonly leaseMs: number;
  readonly now: Timestamp;
}

/** An item that somebody has found. */
export interface FoundItem {
  readonly ino: Ino;
  /** The one by which it was found, and is then told of: one needn't be looked for. */
  readonly path?: string;
}

export interface FinishRequest extends FoundItem {
  readonly workerId: string | undefined;
  /** `ready` gives it back: with `countAttempt` as one that failed. */
  readonly outcome: "completed" | "failed" | "ready";
  readonly countAttempt: boolean;
  /** Kept as the item's `error`. */
  readonly error?: string;
  readonly now: Timestamp;
}

/**
 * Why a dependency is open, or that it isn't. `cycle`: a rename put a file there that waits for the
 * item itself.
 */
export type DependencyState =
  | "completed"
  | "waiting"
  | "cycle"
  | "failed"
  | "deleted"
  | "missing"
  | "no work";

export interface Dependency {
  /** As it was written. */
  readonly reference: string;
  readonly state: DependencyState;
  /** Of what it stands for, if that is there. */
  readonly ino: Ino | undefined;
  readonly path: string | undefined;
}

/** A dependency as somebody wrote it, and the file that it means by now. */
export interface ResolvedReference {
  readonly reference: DependencyReference;
  readonly ino: Ino | undefined;
}

/** What the store can't know of a file whose queue metadata changes. */
export interface WorkContext {
  readonly zone: string;
  /** For `depends_on`. */
  readonly dependencies?: readonly ResolvedReference[];
}

export interface FileWithWork {
  readonly ino: Ino;
  readonly path: string | undefined;
  readonly dependsOn: string | undefined;
}

export interface WorkIndexEntry {
  readonly ino: Ino;
  readonly zone: string;
}

export interface FileToResolve {
  readonly ino: Ino;
  /** In place of those that the index has; undefined for what it has and that isn't there yet. */
  readonly references: readonly DependencyReference[] | undefined;
}
