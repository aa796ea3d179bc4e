import type { Clock, Scheduler } from "../../model/clock.js";
import { NexusError } from "../../model/errors.js";
import type { ContentHash } from "../../model/ids.js";
import { timestampToMs } from "../../model/timestamp.js";
import { CONTENT_DIRECTORIES, type ContentStore } from "../../storage/content/content-store.js";
import type { MetadataStore } from "../../storage/metadata/metadata-store.js";
import { COLLECTOR_PARTS, type CollectedPart, NOTHING_COLLECTED, sum } from "./collect-all.js";
import type { Reclaimer } from "./reclaimer.js";

/**
 * So many contents are looked up before others have their turn. Of a million, that took 0.4 ms; 2-5 ms from the disk.
 */
const AT_ONCE = 250;

export interface CollectorOptions {
  readonly metadata: Pick<MetadataStore, "selectUnknown" | "sync">;
  readonly contents: Pick<ContentStore, "sealedIn" | "handleNeedless">;
  readonly reclaimer: Pick<Reclaimer, "isHeld">;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** What is younger stays, for whoever is about to put something right by hand. */
  readonly graceMs: number;
}

/**
 * Finds what takes room and nobody knows of, while everything goes on: contents that a power failure left without
 * a row, and what a seal left that couldn't end. (`Reclaimer` removes what a row tells of. Numbered files in
 * `staging/` that nobody has are removed by a start: beside a running daemon, they are its own.)
 *
 * Why it never takes what somebody needs, whatever the grace period is:
 * - A content is removed only when nothing knows it in the very moment in which its removal is asked for; between
 *   that look-up and the request, nothing else runs. Requests are carried out in order. So a seal either announced
 *   its content before, and then it is known from that moment until it is removed by the reclaimer; or its request
 *   comes after the removal, and then it finds the content missing and puts it there anew.
 * - A content that was unknown before the metadata was synced is unknown to whatever state a power failure goes
 *   back to.
 * - No content gets a row but by a seal, or from an inode that has it.
 * - While somebody holds the sealed contents, as a backup does, nothing is removed.
 */
export class Collector {
  readonly #options: CollectorOptions;
  #isClosed = false;
  readonly #running = new Set<Promise<unknown>>();

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /**
   * Removes, or looks at, one of {@link COLLECTOR_PARTS}, from 0 on. Errors: `invalid-argument` (there is
   * no such part), `io-failure`, `access-denied`; `closed`, also when it is closed meanwhile.
   */
  async collect(part: number, action: "remove" | "look"): Promise<CollectedPart> {
    if (!Number.isInteger(part) || part < 0 || part >= COLLECTOR_PARTS) {
      throw new NexusError("invalid-argument", `there are ${COLLECTOR_PARTS} parts, from 0 on`);
    }
    this.#requireOpen();
    const work =
      part < CONTENT_DIRECTORIES
        ? this.#collectContents(part, action)
        : this.#collectUnfinished(action);
    this.#running.add(work);
    try {
      return await work;
    } finally {
      this.#running.delete(work);
    }
  }

  /** Begins nothing more, and resolves when what was begun has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#running);
  }

  async #collectContents(directory: number, action: "remove" | "look"): Promise<CollectedPart> {
    const { metadata, contents, scheduler } = this.#options;
    const sealed = await contents.sealedIn(directory);
    const unknown: ContentHash[] = [];
    for (const some of inGroups(sealed)) {
      this.#requireOpen();
      unknown.push(...metadata.selectUnknown(some));
      await scheduler.turn();
    }
    const found: CollectedPart[] = [
      { ...NOTHING_COLLECTED, known: sealed.length - unknown.length },
    ];
    if (unknown.length === 0) return sum(found);
    if (action === "remove") await metadata.sync();
    for (const some of inGroups(unknown)) {
      await scheduler.turn();
      this.#requireOpen();
      found.push(await this.#handleUnknown(some, action));
    }
    return sum(found);
  }

  /** From the look-up to the request, nothing else runs. */
  async #handleUnknown(
    hashes: readonly ContentHash[],
    action: "remove" | "look",
  ): Promise<CollectedPart> {
    const { metadata, contents, reclaimer } = this.#options;
    const isHeld = reclaimer.isHeld("sealed");
    const what = metadata.selectUnknown(hashes);
    const found = await contents.handleNeedless({
      ...{ what, action: isHeld ? "look" : action, changedBeforeMs: this.#changedBeforeMs() },
    });
    const { old, young } = found;
    return { ...NOTHING_COLLECTED, young, [isHeld ? "held" : "contents"]: old };
  }

  async #collectUnfinished(action: "remove" | "look"): Promise<CollectedPart> {
    const { old, young } = await this.#options.contents.handleNeedless({
      ...{ what: "unfinished", action, changedBeforeMs: this.#changedBeforeMs() },
    });
    return { ...NOTHING_COLLECTED, unfinished: old, young };
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new NexusError("closed", "the store is being closed");
  }

  #changedBeforeMs(): number {
    const { clock, graceMs } = this.#options;
    return timestampToMs(clock.now()) - graceMs;
  }
}

function* inGroups<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < all.length; at += AT_ONCE) yield all.slice(at, at + AT_ONCE);
}
