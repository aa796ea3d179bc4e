import type { Ino, PathId } from "../../../src/model/ids.js";
import { WORK_STATUSES, type WorkStatus } from "../../../src/model/work.js";
import type {
  WorkCounts,
  WorkPosition,
  WorkQuery,
  WorkRecord,
  WorkStore,
} from "../../../src/storage/metadata/work-store.js";

type Item = Partial<WorkRecord> & { readonly ino: Ino; readonly path: string };

function byPosition(a: WorkPosition, b: WorkPosition): number {
  return a.urgency - b.urgency || a.createdUs - b.createdUs || a.ino - b.ino;
}

const unused = () => {
  throw new Error("the virtual directory only looks");
};

/** Work items in memory, for what only looks at them. Everything else fails. */
export class FakeWorkStore implements WorkStore {
  readonly #items = new Map<Ino, WorkRecord>();
  /** In their order, by state; made anew when items change. */
  #sorted: WorkRecord[] | undefined;
  #zones: string[] | undefined;
  /** The largest page that was asked for. */
  largestPage = 0;
  /** How many items all pages had. */
  listed = 0;

  /** Adds an item, ready unless it says otherwise, or changes one. */
  put(item: Item): WorkRecord {
    const now = { sec: 1_700_000_000, nsec: 5 };
    const state: WorkStatus = item.state ?? "ready";
    const record: WorkRecord = {
      urgency: 0,
      createdUs: 1_700_000_000_000_000,
      pathId: `00000000-0000-4000-8000-${String(item.ino).padStart(12, "0")}` as PathId,
      state,
      status: state,
      priority: undefined,
      zone: "/",
      blockerCount: 0,
      workerId: undefined,
      startedAt: undefined,
      completedAt: undefined,
      attempts: 0,
      leaseEndMs: undefined,
      sizeBytes: 0,
      createdAt: now,
      modifiedAt: { sec: now.sec + 60, nsec: 7 },
      ...this.#items.get(item.ino),
      ...item,
    };
    this.#items.set(record.ino, record);
    this.#sorted = undefined;
    this.#zones = undefined;
    return record;
  }

  remove(ino: Ino): void {
    this.#items.delete(ino);
    this.#sorted = undefined;
    this.#zones = undefined;
  }

  workZones(): string[] {
    this.#zones ??= [...new Set([...this.#items.values()].map(({ zone }) => zone))];
    return this.#zones;
  }

  listWork({ state, zones, limit, after }: WorkQuery): WorkRecord[] {
    this.largestPage = Math.max(this.largestPage, limit);
    this.#sorted ??= [...this.#items.values()].sort(byPosition);
    const page: WorkRecord[] = [];
    for (let at = this.#firstAfter(this.#sorted, after); page.length < limit; at++) {
      const record = this.#sorted[at];
      if (record === undefined) break;
      if (state !== undefined && record.state !== state) continue;
      if (zones === "all" || zones.includes(record.zone)) page.push(record);
    }
    this.listed += page.length;
    return page;
  }

  countWork({ zones }: { zones: readonly string[] | "all" }): WorkCounts {
    const count = (state: WorkStatus) =>
      this.listWork({ state, zones, limit: Number.POSITIVE_INFINITY }).length;
    return Object.fromEntries(WORK_STATUSES.map((state) => [state, count(state)])) as WorkCounts;
  }

  workItem(ino: Ino): WorkRecord | undefined {
    return this.#items.get(ino);
  }

  #firstAfter(sorted: readonly WorkRecord[], after: WorkPosition | undefined): number {
    if (after === undefined) return 0;
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const record = sorted[middle];
      if (record !== undefined && byPosition(record, after) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  dependenciesOf = unused;
  claimWork = unused;
  claimNextWork = unused;
  renewWork = unused;
  finishWork = unused;
  expireLeases = unused;
  nextLeaseEndMs = unused;
  watchWork = unused;
  workIndexRules = unused;
  filesWithWork = unused;
  reindexWork = unused;
  reindexDependencies = unused;
  setWorkIndexRules = unused;
}
