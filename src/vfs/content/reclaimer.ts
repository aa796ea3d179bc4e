import type { Scheduler } from "../../model/clock.js";
import type { Failpoints } from "../../model/failpoint.js";
import type { ContentHash, Ino, StagingId } from "../../model/ids.js";
import type { ContentStore } from "../../storage/content/content-store.js";
import type { MetadataStore } from "../../storage/metadata/metadata-store.js";
import type { Logger } from "../../telemetry/logger.js";
import type { Staging } from "./staging.js";

/** Orphans are reaped together: after this, or when there are so many. */
const REAP_AFTER_MS = 20;
const REAP_AT_ONCE = 512;
/** Bytes are removed this long after nothing needs them any more. */
const SWEEP_AFTER_MS = 1000;
const RETRY_AFTER_MS = 10_000;
/** Who waits for room that removed files have is let go after this, when there are very many. */
const LONGEST_CATCH_UP_MS = 1000;
/** So many at a time: who was held up by a backup, or removes a million files, holds up nobody. */
const SWEEP_AT_ONCE = 512;

export interface ReclaimerOptions {
  readonly metadata: MetadataStore;
  readonly contents: ContentStore;
  readonly staging: Staging;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly failpoints: Failpoints;
}

/** What can be kept although nothing needs it: staged bytes, or blobs. */
export type Holdable = "staged" | "sealed";

/**
 * Removes what nothing needs any more: inodes without a name, contents without a reference, staging
 * files that were sealed.
 *
 * The order matters after a power failure: a removal on disk must not outlive the transaction that
 * made it right. So bytes go only after the metadata was synced.
 */
export class Reclaimer {
  readonly #metadata: MetadataStore;
  readonly #contents: ContentStore;
  readonly #staging: Staging;
  readonly #scheduler: Scheduler;
  readonly #logger: Logger;
  readonly #failpoints: Failpoints;
  readonly #orphans = new Set<Ino>();
  readonly #stagingIds = new Set<StagingId>();
  readonly #hashes = new Set<ContentHash>();
  /** Contents being sealed just now, which nothing refers to yet: how often each. */
  readonly #pins = new Map<ContentHash, number>();
  /** How many want nothing of a kind to be removed now. */
  readonly #holds: Record<Holdable, number> = { staged: 0, sealed: 0 };
  #cancelReap: (() => void) | undefined;
  /** Orphans couldn't be deleted; the next try is at its time. */
  #isStuck = false;
  #cancelSweep: (() => void) | undefined;
  /** The last sweep that was asked for, until it is over. */
  #sweeping: Promise<void> | undefined;
  /** Bytes couldn't be removed; the next try is at its time. */
  #isFailing = false;

  constructor(options: ReclaimerOptions) {
    this.#metadata = options.metadata;
    this.#contents = options.contents;
    this.#staging = options.staging;
    this.#scheduler = options.scheduler;
    this.#logger = options.logger;
    this.#failpoints = options.failpoints;
  }

  /** Nobody uses this inode any more, and it has no name. */
  orphan(ino: Ino): void {
    this.#orphans.add(ino);
    if (this.#orphans.size >= REAP_AT_ONCE && !this.#isStuck) this.#reapOrRetry();
    else this.#cancelReap ??= this.#scheduler.after(REAP_AFTER_MS, () => this.#reapOrRetry());
  }

  /** A staging file that nothing refers to. */
  discard(ids: Iterable<StagingId>): void {
    for (const id of ids) this.#stagingIds.add(id);
    this.#sweepLater();
  }

  /** Contents that may have lost their last reference. */
  release(hashes: Iterable<ContentHash>): void {
    for (const hash of hashes) this.#hashes.add(hash);
    this.#sweepLater();
  }

  /** Keeps these contents until {@link unpin}, whatever their references. */
  pin(hashes: Iterable<ContentHash>): void {
    for (const hash of hashes) this.#pins.set(hash, (this.#pins.get(hash) ?? 0) + 1);
  }

  unpin(hashes: Iterable<ContentHash>): void {
    for (const hash of hashes) {
      const left = (this.#pins.get(hash) ?? 1) - 1;
      if (left === 0) this.#pins.delete(hash);
      else this.#pins.set(hash, left);
    }
  }

  /**
   * From now on nothing of this kind is removed on disk, until what is returned is called: for who reads
   * it by names that a row had a moment ago.
   */
  hold(kind: Holdable): () => void {
    this.#holds[kind] += 1;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#holds[kind] -= 1;
      if (this.#stagingIds.size + this.#hashes.size > 0) this.#sweepLater();
    };
  }

  /** Whether somebody wants nothing of this kind to be removed now. */
  isHeld(kind: Holdable): boolean {
    return this.#holds[kind] > 0;
  }

  /** Deletes the orphans noted so far. */
  reap(): void {
    this.#cancelReap?.();
    this.#cancelReap = undefined;
    if (this.#orphans.size === 0) return;
    const orphans = [...this.#orphans];
    const { stagingIds, unreferenced } = this.#metadata.reap(orphans);
    this.#failpoints.reach("orphans-reaped");
    this.#orphans.clear();
    for (const ino of orphans) {
      const staged = this.#staging.of(ino);
      if (staged === undefined) continue;
      if (staged.phase === "hashing") this.#contents.cancelHash(staged.id);
      this.#staging.remove(staged);
    }
    if (stagingIds.length > 0) this.discard(stagingIds);
    if (unreferenced.length > 0) this.release(unreferenced);
  }

  /** Whether bytes are on disk that nothing needs, and that {@link catchUp} would remove. */
  get isBehind(): boolean {
    if (this.#isStuck || this.#isFailing) return false;
    const { staged, sealed } = this.#holds;
    const canSweep =
      (staged === 0 && this.#stagingIds.size > 0) || (sealed === 0 && this.#hashes.size > 0);
    return this.#orphans.size > 0 || canSweep || this.#sweeping !== undefined;
  }

  /** Reaps and sweeps until nothing is left; what can't be removed now stays for the next start. */
  async drain(): Promise<void> {
    this.#tryToReap();
    await this.#sweep();
  }

  /** The same for somebody who waits for room, and can't wait for long. Never rejects. */
  async catchUp(): Promise<void> {
    let cancel: () => void = () => undefined;
    const isLate = new Promise<void>((resolve) => {
      cancel = this.#scheduler.after(LONGEST_CATCH_UP_MS, resolve);
    });
    await Promise.race([this.drain(), isLate]);
    cancel();
  }

  #reapOrRetry(): void {
    this.#isStuck = !this.#tryToReap();
    if (!this.#isStuck) return;
    this.#cancelReap ??= this.#scheduler.after(RETRY_AFTER_MS, () => this.#reapOrRetry());
  }

  #tryToReap(): boolean {
    try {
      this.reap();
      return true;
    } catch (error) {
      this.#logger.error({ err: error }, "orphans can't be deleted now");
      return false;
    }
  }

  #sweepLater(delayMs = SWEEP_AFTER_MS): void {
    this.#cancelSweep ??= this.#scheduler.after(delayMs, () => {
      this.#cancelSweep = undefined;
      void this.#sweep();
    });
  }

  /** Never rejects: what fails is logged and tried again. One after the other, so that it ends after those before. */
  async #sweep(): Promise<void> {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    const sweep = Promise.resolve(this.#sweeping).then(() => this.#sweepOnce());
    this.#sweeping = sweep;
    await sweep;
    if (this.#sweeping === sweep) this.#sweeping = undefined;
  }

  async #sweepOnce(): Promise<void> {
    const stagingIds = this.#takeUnheld("staged", this.#stagingIds);
    const candidates = this.#takeUnheld("sealed", this.#hashes);
    if (stagingIds.length === 0 && candidates.length === 0) return;
    try {
      await this.#metadata.sync();
      while (stagingIds.length > 0) await this.#discardSome(stagingIds);
      while (candidates.length > 0) await this.#removeSome(candidates);
      this.#isFailing = false;
    } catch (error) {
      this.#logger.error({ err: error }, "unneeded contents can't be removed now");
      this.#isFailing = true;
      for (const id of stagingIds) this.#stagingIds.add(id);
      for (const hash of candidates) this.#hashes.add(hash);
      this.#sweepLater(RETRY_AFTER_MS);
    }
  }

  /** Takes away from the list what it has done. */
  async #discardSome(stagingIds: StagingId[]): Promise<void> {
    // Somebody may have begun to hold them meanwhile.
    if (this.#holds.staged > 0) {
      for (const id of stagingIds.splice(0)) this.#stagingIds.add(id);
      return;
    }
    await this.#contents.discardStaging(stagingIds.slice(-SWEEP_AT_ONCE));
    stagingIds.splice(-SWEEP_AT_ONCE);
  }

  /** The same for contents that had no reference when the metadata was synced. */
  async #removeSome(candidates: ContentHash[]): Promise<void> {
    if (this.#holds.sealed > 0) {
      for (const hash of candidates.splice(0)) this.#hashes.add(hash);
      return;
    }
    // Look again, now: a content may have been sealed anew meanwhile. From here to the request
    // for removal nothing else runs, and requests are carried out in order. One that was sealed anew and
    // has lost that reference, too, is in the next sweep: the loss is to be durable before.
    const some = candidates.slice(-SWEEP_AT_ONCE);
    const left = some.filter((hash) => !this.#pins.has(hash) && !this.#hashes.has(hash));
    const hashes = this.#metadata.selectUnreferenced(left);
    if (hashes.length > 0) {
      await this.#contents.remove(hashes);
      this.#metadata.forgetContents(hashes.filter((hash) => !this.#pins.has(hash)));
      this.#failpoints.reach("content-forgotten");
    }
    candidates.splice(-SWEEP_AT_ONCE);
  }

  #takeUnheld<T>(kind: Holdable, waiting: Set<T>): T[] {
    if (this.#holds[kind] > 0) return [];
    const taken = [...waiting];
    waiting.clear();
    return taken;
  }
}
