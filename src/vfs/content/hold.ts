import { NexusError } from "../../model/errors.js";
import type { StagingId } from "../../model/ids.js";
import type { ContentStore, StagedBytes } from "../../storage/content/content-store.js";
import type { MetadataStore } from "../../storage/metadata/metadata-store.js";
import type { ActivityRecorder } from "../activity-recorder.js";
import type { Keep } from "./kept-contents.js";
import type { Promotion } from "./promotion.js";
import type { Reclaimer } from "./reclaimer.js";
import type { Staging } from "./staging.js";

/** Up to here the bytes themselves are handed out. A larger staged content always is a file. */
const MOST_BYTES = 64 * 1024;

export interface HoldParts {
  readonly metadata: MetadataStore;
  readonly contents: ContentStore;
  readonly staging: Staging;
  readonly promotion: Promotion;
  readonly reclaimer: Reclaimer;
  readonly activity: ActivityRecorder;
}

/**
 * Keeps the bytes of the store for somebody who reads its files beside it, while everything goes on. Who
 * reads the database after {@link begin} finds in it all that was closed before; and whatever content a row
 * has that he sees, sealed or staged, stays where it is until he lets go of it. A staged one that nobody had open for
 * writing at that moment stays as it is, too: who opens it then and writes gets a copy.
 *
 * What is removed meanwhile takes its room on the disk until the end.
 */
export class Hold {
  readonly #parts: HoldParts;
  readonly #release: (() => void)[] = [];
  #letStagedGo: () => void = () => undefined;
  #kept: Keep | undefined;
  #hasEnded = false;

  constructor(parts: HoldParts) {
    this.#parts = parts;
  }

  /**
   * Seals what nobody writes to, begins to keep all contents, and brings the database up to date. What can't be
   * sealed stays staged. Errors: `closed` when it was ended meanwhile, `no-space`, `io-failure`.
   */
  async begin(): Promise<void> {
    const { metadata, promotion, reclaimer, staging, activity } = this.#parts;
    await promotion.settleAll();
    if (this.#hasEnded) throw new NexusError("closed", "nobody waits for the store any more");
    const kept = staging.keep();
    const release = reclaimer.hold("staged");
    this.#kept = kept;
    this.#letStagedGo = () => {
      kept.end();
      release();
    };
    this.#release.push(this.#letStagedGo, reclaimer.hold("sealed"));
    activity.recordAll();
    metadata.commit();
  }

  /** The staged contents of these ids, for who has begun to read the database: what comes later isn't of his moment. */
  stagedBytes(ids: readonly StagingId[]): StagedBytes[] {
    this.#kept?.fixMoment(this.#parts.metadata.nextId() as StagingId);
    return ids.map((id) => this.#bytesOf(id));
  }

  /** Staged contents needn't be kept any longer. */
  letStagedGo(): void {
    this.#letStagedGo();
  }

  end(): void {
    this.#hasEnded = true;
    for (const release of this.#release.splice(0)) release();
  }

  #bytesOf(id: StagingId): StagedBytes {
    const { contents } = this.#parts;
    const stat = contents.statStaging(id);
    if (stat === undefined) return { id, kind: "none" };
    if (stat.sizeBytes > MOST_BYTES) return { id, kind: "file" };
    const file = contents.openStaging(id);
    try {
      const bytes = Buffer.alloc(stat.sizeBytes);
      return { id, kind: "bytes", bytes: bytes.subarray(0, file.read({ into: bytes, offset: 0 })) };
    } finally {
      file.close();
    }
  }
}
