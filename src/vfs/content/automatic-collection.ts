import type { Scheduler } from "../../model/clock.js";
import type { Logger } from "../../telemetry/logger.js";
import { collectAll } from "./collect-all.js";
import type { Collector } from "./collector.js";

/** By then a store that was just opened has what it begins with behind it. */
const FIRST_AFTER_MS = 5 * 60_000;

export interface AutomaticCollectionOptions {
  readonly collector: Pick<Collector, "collect">;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  /** From the end of one run to the begin of the next. */
  readonly intervalMs: number;
  /** Nothing is collected before this is over. */
  readonly restMs?: number;
}

/** Has a store collected some minutes after it was opened, and again and again from then on. */
export class AutomaticCollection {
  readonly #options: AutomaticCollectionOptions;
  readonly #closed = new AbortController();
  #cancel: () => void = () => undefined;

  constructor(options: AutomaticCollectionOptions) {
    this.#options = options;
    const { intervalMs, restMs = 0 } = options;
    this.#runAfter(Math.max(restMs, Math.min(FIRST_AFTER_MS, intervalMs)));
  }

  /** Begins nothing more; what was begun ends with the collector. */
  close(): void {
    this.#closed.abort();
    this.#cancel();
  }

  #runAfter(delayMs: number): void {
    const { scheduler, intervalMs } = this.#options;
    this.#cancel = scheduler.after(delayMs, () => {
      void this.#run().then(() => {
        if (!this.#closed.signal.aborted) this.#runAfter(intervalMs);
      });
    });
  }

  /** Never rejects: what fails is logged, and the next run tries again. */
  async #run(): Promise<void> {
    const { collector, logger } = this.#options;
    const { signal } = this.#closed;
    const collect = collector.collect.bind(collector);
    try {
      const found = await collectAll({ collect, action: "remove", signal });
      const { outcome, known, contents, unfinished } = found;
      if (outcome === "refused") {
        logger.warn(
          { contents, known },
          "more contents have no file than have one, so none is removed: is this the right database? See nexus gc",
        );
      } else if (contents.files + unfinished.files > 0) {
        logger.info({ contents, unfinished }, "removed what nothing needs");
      }
    } catch (error) {
      if (signal.aborted) return;
      logger.error({ err: error }, "what nothing needs can't be removed now");
    }
  }
}
