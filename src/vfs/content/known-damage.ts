import type { ContentHash } from "../../model/ids.js";
import type { ContentDamage, Problem, ScrubStore } from "../../storage/metadata/scrub-store.js";
import type { Logger } from "../../telemetry/logger.js";

export interface KnownDamageOptions {
  readonly scrub: ScrubStore;
  readonly logger: Logger;
}

/**
 * The contents that were found to be damaged. Of one whose bytes were changed nobody is given any: that is an error, as
 * when they are missing. And when somebody writes the right ones, wherever that is, they take the place of the wrong
 * ones.
 */
export class KnownDamage {
  readonly #scrub: ScrubStore;
  readonly #logger: Logger;
  readonly #problems: Map<ContentHash, Problem>;

  /** Takes up what was found before. */
  constructor({ scrub, logger }: KnownDamageOptions) {
    this.#scrub = scrub;
    this.#logger = logger;
    this.#problems = new Map(scrub.damage().map(({ hash, problem }) => [hash, problem]));
  }

  /** Whether what can be read under this hash is wrong. */
  isChanged(hash: ContentHash): boolean {
    return this.#problems.get(hash) === "changed";
  }

  all(): ContentHash[] {
    return [...this.#problems.keys()];
  }

  /** True when it wasn't known. */
  note(damage: ContentDamage): boolean {
    const { hash, problem } = damage;
    const isNews = this.#problems.get(hash) !== problem;
    if (isNews) this.#scrub.noteDamage(damage);
    this.#problems.set(hash, problem);
    return isNews;
  }

  /** These contents are whole, or gone. */
  forget(hashes: Iterable<ContentHash>): void {
    for (const hash of hashes) {
      if (!this.#problems.has(hash)) continue;
      this.#scrub.forgetDamage(hash);
      this.#problems.delete(hash);
      this.#logger.info({ hash }, "a content that was damaged isn't any more");
    }
  }
}
