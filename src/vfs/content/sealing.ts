import { requireRoom } from "../../core/room.js";
import type { Clock } from "../../model/clock.js";
import type { Failpoints } from "../../model/failpoint.js";
import { type ContentHash, EMPTY_HASH, type StagingId } from "../../model/ids.js";
import type { ContentStore, SealRequest } from "../../storage/content/content-store.js";
import type { MetadataStore, SealedContent } from "../../storage/metadata/metadata-store.js";
import type { Logger } from "../../telemetry/logger.js";
import type { InodeTable } from "../inode-table.js";
import type { KnownDamage } from "./known-damage.js";
import type { Reclaimer } from "./reclaimer.js";
import type { StagedContent } from "./staged-content.js";
import type { Staging } from "./staging.js";

export interface SealingOptions {
  readonly metadata: MetadataStore;
  readonly contents: ContentStore;
  readonly staging: Staging;
  readonly inodes: InodeTable;
  readonly reclaimer: Reclaimer;
  readonly damage: KnownDamage;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly failpoints: Failpoints;
}

interface Sealable {
  readonly staged: StagedContent;
  readonly hash: ContentHash;
}

/** Some contents, each with the number of the change that is going to be hashed. */
export type Batch = ReadonlyMap<StagedContent, number>;

/** The hashes of those contents that are there and weren't changed meanwhile. */
export type Hashes = ReadonlyMap<StagedContent, ContentHash>;

/**
 * How staged contents become sealed ones: hashed, put into the CAS, and named by the rows of their
 * inodes. Whoever writes meanwhile wins. When that happens is up to `Promotion`.
 */
export class Sealing {
  readonly #metadata: MetadataStore;
  readonly #contents: ContentStore;
  readonly #staging: Staging;
  readonly #inodes: InodeTable;
  readonly #reclaimer: Reclaimer;
  readonly #damage: KnownDamage;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #failpoints: Failpoints;
  /** What is being hashed now. */
  readonly #hashing = new Set<StagedContent>();
  #isStopped = false;

  constructor(options: SealingOptions) {
    this.#metadata = options.metadata;
    this.#contents = options.contents;
    this.#staging = options.staging;
    this.#inodes = options.inodes;
    this.#reclaimer = options.reclaimer;
    this.#damage = options.damage;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#failpoints = options.failpoints;
  }

  canSeal(staged: StagedContent): boolean {
    if (staged.phase === "missing") return false;
    return this.#staging.isCurrent(staged) && !this.hasWriters(staged);
  }

  hasWriters({ ino }: StagedContent): boolean {
    const inode = this.#inodes.peek(ino);
    return inode !== undefined && (inode.writers > 0 || inode.copyUp !== undefined);
  }

  /** Nothing more is hashed; what has its hash can still be sealed. */
  stop(): void {
    this.#isStopped = true;
    for (const { id } of this.#hashing) this.#contents.cancelHash(id);
  }

  /** Notes the state of each that is going to be hashed. */
  begin(contents: readonly StagedContent[]): Batch {
    for (const staged of contents) if (staged.phase === "writable") staged.phase = "hashing";
    return new Map(contents.map((staged) => [staged, staged.changes]));
  }

  /** Errors: `io-failure`, `no-space`. */
  async hash(batch: Batch): Promise<Hashes> {
    const hashes = new Map<StagedContent, ContentHash>();
    if (this.#isStopped) return hashes;
    requireRoom(this.#metadata);
    const withFile = [...batch.keys()].filter(({ hasFile }) => hasFile);
    for (const staged of withFile) this.#hashing.add(staged);
    try {
      const computed = await this.#contents.hash(withFile.map(({ id }) => id));
      this.#failpoints.reach("content-hashed");
      for (const staged of batch.keys()) {
        const hash = staged.hasFile ? computed.get(staged.id) : EMPTY_HASH;
        if (hash !== undefined) hashes.set(staged, hash);
      }
      return hashes;
    } finally {
      for (const staged of withFile) this.#hashing.delete(staged);
    }
  }

  /**
   * Seals and commits what has a hash and is still the same as it was when that began. Returns what
   * isn't: it has to wait anew. Errors: `io-failure`, `no-space`; then none of them is sealed.
   */
  async seal(batch: Batch, hashes: Hashes): Promise<StagedContent[]> {
    const ready: Sealable[] = [];
    const changed: StagedContent[] = [];
    for (const [staged, changes] of batch) {
      const hash = hashes.get(staged);
      const isSame = changes === staged.changes;
      const isMissing = hash === undefined && isSame && !this.#isStopped;
      if (hash !== undefined && isSame && this.canSeal(staged)) ready.push({ staged, hash });
      else if (isMissing && this.#staging.isCurrent(staged)) this.#noteMissing(staged);
      else changed.push(staged);
    }
    if (ready.length > 0) await this.#sealAll(ready);
    return changed;
  }

  async #sealAll(ready: readonly Sealable[]): Promise<void> {
    const pinned = ready.map(({ hash }) => hash);
    let unneeded: readonly ContentHash[] = pinned;
    this.#reclaimer.pin(pinned);
    try {
      const sealed = await this.#place(ready);
      this.#damage.forget(pinned);
      unneeded = this.#commit(ready, sealed);
    } finally {
      this.#reclaimer.unpin(pinned);
      this.#reclaimer.release(unneeded);
    }
  }

  #place(ready: readonly Sealable[]): Promise<SealedContent[]> {
    requireRoom(this.#metadata);
    const requests = ready.map(({ staged, hash }): SealRequest => {
      staged.phase = "frozen";
      const id = staged.hasFile ? staged.id : undefined;
      const isReplacement = this.#damage.isChanged(hash);
      return { id, hash, sizeBytes: staged.sizeBytes, isReplacement };
    });
    this.#metadata.announceContents(
      requests.map(({ hash, sizeBytes }) => ({ hash, sizeBytes, blocks: 0 })),
    );
    this.#failpoints.reach("contents-announced");
    return this.#contents.seal(requests);
  }

  /** Returns the contents that may have no reference now. */
  #commit(ready: readonly Sealable[], sealed: readonly SealedContent[]): ContentHash[] {
    const now = this.#clock.now();
    const unneeded: ContentHash[] = [];
    const commits = ready.flatMap(({ staged, hash }, index) => {
      const content = sealed[index];
      if (content !== undefined && this.#staging.isCurrent(staged)) {
        return [{ ino: staged.ino, stagingId: staged.id, ...content, now }];
      }
      unneeded.push(hash);
      return [];
    });
    unneeded.push(...this.#metadata.commitContents(commits));
    this.#failpoints.reach("contents-committed");
    const discarded: StagingId[] = [];
    for (const { staged } of ready) {
      if (staged.hasFile) discarded.push(staged.id);
      this.#staging.remove(staged);
    }
    this.#reclaimer.discard(discarded);
    return unneeded;
  }

  /** Damage. It stays visible as such, and another try would find nothing else. */
  #noteMissing(staged: StagedContent): void {
    const { ino, id } = staged;
    this.#logger.error({ ino, stagingId: id }, "a staged content is missing");
    staged.phase = "missing";
  }
}
