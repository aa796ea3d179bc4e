import type { PathId } from "../../model/ids.js";
import type { WorkStatus } from "../../model/work.js";

/**
 * The work queue: every regular file with a `status`. DESIGN, section 8.
 *
 * Listings are in order of work (by priority, then the oldest first; blocked items by number of
 * blockers; items in progress by their start, latest first) and have only what the identity may see;
 * a claim takes only what it may change.
 *
 * Errors of all that take a path: `not-found`, `access-denied`, `invalid-argument` (no work item); of
 * submit, of claims, and of fail with an error on a full disk: `no-space`.
 */
export interface WorkQueue {
  ready(options?: WorkListOptions): Promise<WorkItem[]>;
  pending(options?: WorkListOptions): Promise<WorkItem[]>;
  blocked(options?: WorkListOptions): Promise<WorkItem[]>;
  inProgress(options?: WorkListOptions): Promise<WorkItem[]>;
  completed(options?: WorkListOptions): Promise<WorkItem[]>;
  failed(options?: WorkListOptions): Promise<WorkItem[]>;
  /** All items, by priority and age. */
  byPriority(options?: WorkListOptions): Promise<WorkItem[]>;
  status(): Promise<WorkCountsByStatus>;
  /** The item at a path. */
  get(path: string): Promise<WorkItem>;
  /** What an item waits for, and why. */
  dependencies(path: string): Promise<WorkDependency[]>;

  /**
   * Makes the file at a path a work item that is ready, or blocked when it depends on something that
   * isn't completed. One transaction. Errors: `invalid-argument` (a cycle, a wrong priority), `busy` (a
   * worker has it).
   */
  submit(path: string, options?: SubmitOptions): Promise<WorkItem>;

  /**
   * Takes the next item that is ready: exactly one of any number of callers gets it. Undefined when
   * there is none; with `wait` it waits for one, until the time is over or the signal aborts
   * (`interrupted`).
   */
  claim(options: ClaimOptions): Promise<WorkItem | undefined>;
  /** Takes this one. Errors: `busy` (another worker has it), `try-again` (it isn't ready). */
  claimPath(path: string, options: ClaimOptions): Promise<WorkItem>;
  /** Keeps an item for longer. Errors: `busy`, `stale` (the lease ended; somebody else may have it). */
  renew(path: string, options: ClaimOptions): Promise<WorkItem>;
  /** Gives an item back: it is ready again, and no attempt counts. Errors as for {@link renew}. */
  release(path: string, options: WorkerOptions): Promise<WorkItem>;
  /** Errors as for {@link renew}. */
  complete(path: string, options: WorkerOptions): Promise<WorkItem>;
  /** With `retry`, it is ready again and the attempt counts. Errors as for {@link renew}. */
  fail(path: string, options: FailOptions): Promise<WorkItem>;
}

export interface WorkListOptions {
  /** 100 by default. */
  readonly limit?: number;
}

/** Values of status and priority are what the metadata has. */
export interface WorkItem {
  /** The one that was asked for; otherwise one of its names, always the same. */
  readonly path: string;
  readonly pathId: PathId;
  /** Where it stands; what waits for a dependency is `blocked`, also if its status is `ready`. */
  readonly state: WorkStatus;
  readonly status: WorkStatus;
  readonly priority: number | undefined;
  readonly size: number;
  readonly blockerCount: number;
  readonly workerId: string | undefined;
  readonly startedAt: string | undefined;
  readonly completedAt: string | undefined;
  /** Attempts that ended without success. */
  readonly attempts: number;
  readonly leaseEndsAt: Date | undefined;
  readonly createdAt: Date;
  readonly modifiedAt: Date;
}

export type WorkCountsByStatus = Readonly<Record<WorkStatus, number>>;

export interface WorkDependency {
  /** As it was written. */
  readonly reference: string;
  /**
   * `missing`: there is no such file (or none that the identity may see). `cycle`: the file that a rename
   * put there waits for the item itself, and neither will be ready.
   */
  readonly state: "completed" | "waiting" | "cycle" | "failed" | "deleted" | "missing" | "no work";
  readonly path: string | undefined;
}

export interface SubmitOptions {
  readonly priority?: number;
  /** Paths or path_ids. */
  readonly dependsOn?: string | readonly string[];
}

export interface WorkerOptions {
  /** Who asks; only the worker that has the item may. */
  readonly worker: string;
}

export interface ClaimOptions extends WorkerOptions {
  /** How long it is the worker's, 5 minutes by default. */
  readonly leaseMs?: number;
  /** Waits for an item: as long as it takes, or so many milliseconds. Only `claim` has this. */
  readonly wait?: boolean | number;
  readonly signal?: AbortSignal;
}

export interface FailOptions extends WorkerOptions {
  /** Kept as the item's `error`, the first 64 KiB of it. */
  readonly error?: string;
  readonly retry?: boolean;
}
