import type { Clock } from "../../../model/clock.js";
import type { Ino } from "../../../model/ids.js";
import type { Timestamp } from "../../../model/timestamp.js";
import * as claims from "../operations/work-claim.js";
import { dependenciesOf } from "../operations/work-dependencies.js";
import * as index from "../operations/work-index.js";
import * as reading from "../operations/work-read.js";
import { microseconds } from "../operations/work-status.js";
import type {
  ClaimRequest,
  Dependency,
  FileToResolve,
  FileWithWork,
  FinishRequest,
  FoundItem,
  WorkCounts,
  WorkIndexEntry,
  WorkNews,
  WorkQuery,
  WorkRecord,
  WorkStore,
} from "../work-store.js";
import type { SqliteEngine } from "./sqlite-engine.js";

/** The {@link WorkStore} in the same database as the rest of the metadata. */
export class SqliteWorkStore implements WorkStore {
  readonly #engine: SqliteEngine;
  readonly #clock: Clock;
  /** As the last look had them; undefined once another one may have come. */
  #zones: readonly string[] | undefined;
  /** No lease ends before this; so most calls needn't ask. */
  #noneEndsBeforeUs = 0;
  readonly #watchers = new Set<(news: WorkNews) => void>();

  constructor({ engine, clock }: { engine: SqliteEngine; clock: Clock }) {
    this.#engine = engine;
    this.#clock = clock;
  }

  workZones(): readonly string[] {
    this.#zones ??= this.#engine.read(reading.workZones());
    return this.#zones;
  }

  /** An item is about to be in this zone. */
  noteZone(zone: string): void {
    if (this.#zones?.includes(zone) === false) this.#zones = undefined;
  }

  /** Leases were given past this class. */
  noteLeases(): void {
    this.#noneEndsBeforeUs = 0;
    this.tell("leased");
  }

  listWork(query: WorkQuery): WorkRecord[] {
    return this.#engine.read(reading.listWork(query));
  }

  countWork({ zones }: { zones: readonly string[] | "all" }): WorkCounts {
    return this.#engine.read(reading.countWork(zones));
  }

  workItem(ino: Ino): WorkRecord | undefined {
    return this.#engine.read(reading.workItem(ino));
  }

  dependenciesOf(ino: Ino): Dependency[] {
    return this.#engine.read(dependenciesOf(ino));
  }

  claimWork(request: ClaimRequest & FoundItem): WorkRecord {
    this.expireLeases(request.now);
    return this.#leased(this.#engine.write(claims.claim(request)));
  }

  claimNextWork(
    request: ClaimRequest & { readonly zones: readonly string[] | "all" },
  ): WorkRecord | undefined {
    this.expireLeases(request.now);
    const claimed = this.#engine.write(claims.claimNext(request));
    return claimed === undefined ? undefined : this.#leased(claimed);
  }

  renewWork(request: ClaimRequest & FoundItem): WorkRecord {
    this.expireLeases(request.now);
    return this.#leased(this.#engine.write(claims.renew(request)));
  }

  finishWork(request: FinishRequest): WorkRecord {
    this.expireLeases(request.now);
    return this.#told("ready", this.#engine.write(claims.finish(request)));
  }

  /**
   * Comes before whatever looks at leases, as a transaction of its own: it is so whether or not that
   * is refused, and those who wait for work have to hear of all items, not only of the one that is taken.
   */
  expireLeases(now: Timestamp): number {
    if (microseconds(now) < this.#noneEndsBeforeUs) return 0;
    const expired = this.#engine.write(claims.expireLeases(now));
    this.#noneEndsBeforeUs = this.#engine.read(claims.nextLeaseEndUs()) ?? Number.POSITIVE_INFINITY;
    return expired === 0 ? 0 : this.#told("ready", expired);
  }

  nextLeaseEndMs(): number | undefined {
    const endUs = this.#engine.read(claims.nextLeaseEndUs());
    // Who asks is going to wait until then, and has to hear of every lease that ends before.
    this.#noneEndsBeforeUs = endUs ?? Number.POSITIVE_INFINITY;
    return endUs === undefined ? undefined : endUs / 1000;
  }

  watchWork(listener: (news: WorkNews) => void): () => void {
    // One listener may watch twice, and ends each of the two by itself.
    const watcher = (news: WorkNews) => listener(news);
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  tell(news: WorkNews): void {
    for (const watcher of [...this.#watchers]) watcher(news);
  }

  workIndexRules(): string | undefined {
    return this.#engine.read(index.workIndexRules());
  }

  filesWithWork(page: { after: Ino; limit: number }): FileWithWork[] {
    return this.#engine.read(index.filesWithWork(page));
  }

  reindexWork(files: readonly WorkIndexEntry[]): void {
    this.#zones = undefined;
    this.#engine.write(index.reindexWork(files, this.#clock.now()));
  }

  reindexDependencies(file: FileToResolve): void {
    this.#engine.write(index.reindexDependencies(file, this.#clock.now()));
  }

  setWorkIndexRules(rules: string): void {
    this.#engine.write(index.setWorkIndexRules(rules));
  }

  #leased(record: WorkRecord): WorkRecord {
    // A millisecond less, for what is lost in milliseconds.
    const endUs = ((record.leaseEndMs ?? 0) - 1) * 1000;
    if (endUs >= this.#noneEndsBeforeUs) return record;
    this.#noneEndsBeforeUs = endUs;
    return this.#told("leased", record);
  }

  #told<T>(news: WorkNews, result: T): T {
    this.tell(news);
    return result;
  }
}
