import type { VisibleZones } from "../../core/visible-zones.js";
import type { Identity } from "../../model/identity.js";
import type { Ino } from "../../model/ids.js";
import type { WorkStatus } from "../../model/work.js";
import type {
  WorkCounts,
  WorkPosition,
  WorkRecord,
  WorkStore,
} from "../../storage/metadata/work-store.js";

/** Items asked of the store at a time: more would make others wait. */
const MOST_AT_ONCE = 128;

/** What an identity may see of the work queue. */
export class VisibleWork {
  readonly #work: WorkStore;
  readonly #visible: VisibleZones;

  constructor({ work, visible }: { work: WorkStore; visible: VisibleZones }) {
    this.#work = work;
    this.#visible = visible;
  }

  item(identity: Identity, ino: Ino): WorkRecord | undefined {
    const record = this.#work.workItem(ino);
    if (record === undefined) return undefined;
    const isVisible = [record.zone, record.path].every((path) => this.#mayRead(identity, path));
    return isVisible ? record : undefined;
  }

  /** The items in a state, in order of work, from the store page by page as they are taken. */
  *items(
    identity: Identity,
    {
      state,
      after,
      pageSize,
    }: { state: WorkStatus; after: WorkPosition | undefined; pageSize: number },
  ): Generator<WorkRecord> {
    const zones = this.#zones(identity);
    const limit = Math.max(1, Math.min(pageSize, MOST_AT_ONCE));
    for (let last = after; ; ) {
      const position = last === undefined ? {} : { after: last };
      const page = this.#work.listWork({ state, zones, limit, ...position });
      for (const record of page) {
        // The zones leave nothing to this, unless an item's zone was found by other rules.
        if (this.#mayRead(identity, record.path)) yield record;
      }
      last = page.at(-1);
      if (page.length < limit) return;
    }
  }

  counts(identity: Identity): WorkCounts {
    return this.#work.countWork({ zones: this.#zones(identity) });
  }

  #zones(identity: Identity): readonly string[] | "all" {
    const zones = this.#work.workZones();
    return this.#visible.of(identity, { zones, access: "read" });
  }

  #mayRead(identity: Identity, path: string): boolean {
    return this.#visible.isVisiblePath(identity, { path, access: "read" });
  }
}
