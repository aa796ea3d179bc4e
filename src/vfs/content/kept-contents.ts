import type { StagingId } from "../../model/ids.js";
import type { StagedContent } from "./staged-content.js";

/** Lasts until {@link Keep.end}. */
export interface Keep {
  /**
   * Whoever reads has fixed the moment that he reads of: contents with ids from this one on are younger, and needn't be
   * kept. So a file is copied once at most, however often it is opened, changed and closed meanwhile.
   */
  fixMoment(nextId: StagingId): void;
  end(): void;
}

/**
 * Which staged contents have to stay as their last writer left them, because somebody reads their files by the ids that
 * rows had at a moment: a file that was closed before it is as it was closed. Who changes one of these changes a copy.
 */
export class KeptContents {
  /** The first id that needn't be kept. */
  readonly #ends = new Map<Keep, number>();

  /** From now on all are kept. */
  begin(): Keep {
    const keep: Keep = {
      fixMoment: (nextId) => {
        const end = this.#ends.get(keep);
        if (end !== undefined) this.#ends.set(keep, Math.min(end, nextId));
      },
      end: () => void this.#ends.delete(keep),
    };
    this.#ends.set(keep, Number.POSITIVE_INFINITY);
    return keep;
  }

  has({ id, isClosed }: StagedContent): boolean {
    if (!isClosed || this.#ends.size === 0) return false;
    for (const end of this.#ends.values()) if (id < end) return true;
    return false;
  }
}
