import type { ContentHash } from "../../../model/ids.js";
import * as scrub from "../operations/scrub.js";
import type { ContentDamage, NeededContent, ScrubProgress, ScrubStore } from "../scrub-store.js";
import type { SqliteEngine } from "./sqlite-engine.js";

/** The {@link ScrubStore} in the same database as the rest of the metadata. */
export class SqliteScrubStore implements ScrubStore {
  readonly #engine: SqliteEngine;

  constructor({ engine }: { engine: SqliteEngine }) {
    this.#engine = engine;
  }

  progress(): ScrubProgress {
    return this.#engine.read(scrub.scrubProgress());
  }

  setProgress(progress: ScrubProgress): void {
    this.#engine.write(scrub.setScrubProgress(progress));
  }

  neededAfter(page: { after: ContentHash | ""; limit: number }): readonly NeededContent[] {
    return this.#engine.read(scrub.neededAfter(page));
  }

  needed(hash: ContentHash): NeededContent | undefined {
    return this.#engine.read(scrub.needed(hash));
  }

  pathsWith(request: { hash: ContentHash; limit: number }): string[] {
    return this.#engine.read(scrub.pathsWith(request));
  }

  damage(): ContentDamage[] {
    return this.#engine.read(scrub.damage());
  }

  noteDamage(damage: ContentDamage): void {
    this.#engine.write(scrub.noteDamage(damage));
  }

  forgetDamage(hash: ContentHash): void {
    this.#engine.write(scrub.forgetDamage(hash));
  }
}
