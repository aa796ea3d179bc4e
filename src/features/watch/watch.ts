import type { Ino } from "../../model/ids.js";
import type { WorkStatus } from "../../model/work.js";
import type { FileType } from "../files/files.js";

/**
 * Who changes what, as it happens, whatever face made the change: a mount, the library, the command line,
 * the queue by itself.
 */
export interface Watching {
  /**
   * What happens at a path and below it, from when the first event is asked for, or after `cursor`. It
   * ends when the consumer stops, the signal aborts (`interrupted`) or the client is closed (`closed`).
   * A consumer may be as slow as it likes: what it hasn't taken stays in the store.
   *
   * Only what the identity may see is told, by the rules of listings. What is renamed to where it can't
   * be seen from here is `removed`, what comes from there is `created`. What is below `/.nexus` is
   * computed, and can't be watched.
   *
   * Changes are kept for an hour, the newest 100,000 of them; so long nothing is lost by whoever comes
   * back with a cursor, and nothing told twice. Errors: `stale` when something was lost all the same (the
   * cursor is too old, or of another store), or when a directory above the watched path was renamed. Then
   * start over: a cursor, a listing, and a watch from there. `not-found` and `access-denied` (the path, as
   * for stat), `invalid-argument` (no cursor, no kind), `not-supported`.
   *
   * @example
   * const cursor = await nexus.watchCursor();
   * for (const { path } of (await nexus.list({ prefix: "/jobs" })).entries) look(path);
   * for await (const event of nexus.watch({ path: "/jobs", cursor })) {
   *   if (event.kind === "created" || event.kind === "modified") look(event.path);
   * }
   */
  watch(options?: WatchOptions): AsyncIterable<WatchEvent>;
  /**
   * A cursor for what happens from now on, for who wants to list first and then miss nothing. It is good
   * for an hour, also after a restart.
   */
  watchCursor(): Promise<string>;
}

export interface WatchOptions {
  /** A directory or a file; `/` by default. Symlinks are followed once, when it begins. */
  readonly path?: string;
  /** Also what is below directories in it: yes unless false. */
  readonly recursive?: boolean;
  /** Goes on after the event that had it. The path may have gone since. */
  readonly cursor?: string;
  /** Which kinds to tell: all by default. */
  readonly kinds?: readonly WatchEventKind[];
  readonly signal?: AbortSignal;
}

export const WATCH_EVENT_KINDS = [
  "created",
  "modified",
  "removed",
  "renamed",
  "attributes",
  "metadata",
  "work",
] as const;

export type WatchEventKind = (typeof WATCH_EVENT_KINDS)[number];

interface WatchEventBase {
  /** As it was when this happened. A file with several names has an event for each of the first hundred. */
  readonly path: string;
  readonly ino: Ino;
  readonly type: FileType;
  readonly time: Date;
  /** Goes on after this event. */
  readonly cursor: string;
}

export type WatchEvent = WatchEventBase &
  (
    | {
        readonly kind: "created";
        /**
         * False when it was somewhere else before, or has another name: a directory may have something
         * in it then.
         */
        readonly isNew: boolean;
      }
    /** The content. A file that is written all the time says so some times a second at most. */
    | { readonly kind: "modified" }
    | { readonly kind: "removed" }
    /** With all that is below it. `path` is where it is now. What was there before was `removed`. */
    | { readonly kind: "renamed"; readonly from: string }
    /** Permissions, owner, times, or extended attributes that are no custom metadata. */
    | { readonly kind: "attributes" }
    | { readonly kind: "metadata"; readonly keys: readonly string[] }
    /**
     * Another list of the queue has it; undefined when it is no item. What the queue itself keeps in the
     * metadata (`worker_id`, `started_at`, ...) changes with it, and isn't told besides.
     */
    | {
        readonly kind: "work";
        readonly status: WorkStatus | undefined;
        readonly previousStatus: WorkStatus | undefined;
      }
  );
