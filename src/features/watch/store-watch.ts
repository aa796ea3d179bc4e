import { setMaxListeners } from "node:events";
import { authorize } from "../../core/isolation.js";
import type { VisibleZones } from "../../core/visible-zones.js";
import type { Scheduler } from "../../model/clock.js";
import { NexusError } from "../../model/errors.js";
import { isVirtual } from "../../model/ids.js";
import type { ChangePosition, ChangeStore } from "../../storage/metadata/change-store.js";
import { type PathParts, PathWalk } from "../files/path-walk.js";
import { Bell } from "./bell.js";
import {
  WATCH_EVENT_KINDS,
  type WatchEvent,
  type WatchEventKind,
  type Watching,
  type WatchOptions,
} from "./watch.js";
import { cursorOf, parseCursor } from "./watch-cursor.js";
import { eventOf, type WatchedPart } from "./watch-event.js";

/** So many changes are read at once. */
const PAGE = 256;

export interface StoreWatchOptions extends PathParts {
  readonly changes: ChangeStore;
  readonly visible: VisibleZones;
  readonly scheduler: Scheduler;
}

/** The {@link Watching} of one identity, on what the store records. */
export class StoreWatch implements Watching {
  readonly #parts: PathParts;
  readonly #changes: ChangeStore;
  readonly #visible: VisibleZones;
  readonly #scheduler: Scheduler;
  readonly #closing = new AbortController();

  constructor({ changes, visible, ...parts }: StoreWatchOptions) {
    this.#parts = parts;
    this.#changes = changes;
    this.#visible = visible;
    this.#scheduler = parts.scheduler;
    // Any number may watch.
    setMaxListeners(0, this.#closing.signal);
  }

  /** Who watches does so no longer: `closed`. */
  close(): void {
    this.#closing.abort();
  }

  async watchCursor(): Promise<string> {
    const end = this.#changes.watchChanges(() => undefined);
    try {
      return cursorOf(this.#changes.newestChange());
    } finally {
      end();
    }
  }

  watch(options: WatchOptions = {}): AsyncIterable<WatchEvent> {
    const bell = new Bell({ signal: options.signal, closing: this.#closing.signal });
    const events = this.#watch(options, bell);
    // A generator ends only where it yields; who leaves needn't wait until something happens.
    const leave = () => {
      bell.leave();
      return events.return(undefined);
    };
    return { [Symbol.asyncIterator]: () => ({ next: () => events.next(), return: leave }) };
  }

  async *#watch(options: WatchOptions, bell: Bell): AsyncGenerator<WatchEvent, undefined> {
    const { cursor } = options;
    const kinds = requireKinds(options.kinds);
    const after = cursor === undefined ? undefined : parseCursor(cursor);
    const part = await this.#partOf(options);
    bell.requireOpen();
    const end = this.#changes.watchChanges(bell.ring);
    try {
      return yield* this.#events(after ?? this.#changes.newestChange(), { part, kinds, bell });
    } finally {
      end();
    }
  }

  async *#events(
    start: ChangePosition,
    { part, kinds, bell }: { part: WatchedPart; kinds: ReadonlySet<WatchEventKind>; bell: Bell },
  ): AsyncGenerator<WatchEvent, undefined> {
    let after = start;
    for (;;) {
      const records = this.#changes.changesAfter({ after, limit: PAGE });
      let told = 0;
      for (const record of records) {
        after = record.position;
        const event = eventOf(record, part);
        if (event === undefined || !kinds.has(event.kind)) continue;
        told += 1;
        yield event;
        bell.requireOpen();
      }
      if (records.length === 0) await bell.rung();
      // Others' changes can be many, and everybody else waits while they are looked through.
      else if (told === 0 && records.length === PAGE) await this.#pause();
      bell.requireOpen();
    }
  }

  /**
   * Isolation is checked by the path first, then by where its symlinks led. Who comes back may find that
   * the path has gone; that is among what it is told.
   */
  #partOf({ path = "/", recursive = true, cursor }: WatchOptions): Promise<WatchedPart> {
    const { router, caller } = this.#parts;
    return PathWalk.during(this.#parts, async (walk) => {
      const asked = { access: "read" } as const;
      const spot =
        cursor === undefined ? await walk.require(path, asked) : await walk.find(path, asked);
      authorize(caller.identity, { place: router.resolve(spot.path), ...asked });
      if (spot.entry !== undefined && isVirtual(spot.entry.ino)) {
        throw new NexusError("not-supported", `${spot.path} is computed and can't be watched`, {
          path: spot.path,
        });
      }
      const mayList = (path: string) =>
        this.#visible.isVisiblePath(caller.identity, { path, ...asked });
      return { root: spot.path, recursive, mayList };
    });
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#scheduler.after(0, resolve));
  }
}

/** Errors: `invalid-argument` with the list of what is allowed. */
function requireKinds(
  kinds: readonly WatchEventKind[] = WATCH_EVENT_KINDS,
): ReadonlySet<WatchEventKind> {
  for (const kind of kinds) {
    if (WATCH_EVENT_KINDS.includes(kind)) continue;
    throw new NexusError(
      "invalid-argument",
      `there are no events of the kind '${kind}'; allowed: ${WATCH_EVENT_KINDS.join(", ")}`,
      { op: "watch" },
    );
  }
  return new Set(kinds);
}
