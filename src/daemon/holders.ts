import type { Scheduler } from "../model/clock.js";
import type { HoldStatus } from "../sdk/daemon-status.js";
import type { Logger } from "../telemetry/logger.js";

/** Then somebody should look at it: no disk is that slow for long, and what is removed takes its room meanwhile. */
const LONG_MS = 60 * 60_000;

export interface HoldersOptions {
  readonly now: () => Date;
  readonly scheduler: Pick<Scheduler, "after">;
  readonly logger: Logger;
}

/** Who keeps the contents of the store, for who wonders why the room of removed files doesn't come back. */
export class Holders {
  readonly #options: HoldersOptions;
  readonly #holds = new Set<HoldStatus>();

  constructor(options: HoldersOptions) {
    this.#options = options;
  }

  /** Notes a hold, and logs it; so does the end of it, which is what is returned, and each hour until then. */
  begin({ pid, purpose }: Pick<HoldStatus, "pid" | "purpose">): () => void {
    const { now, scheduler, logger } = this.#options;
    const beganMs = now().getTime();
    const hold = { pid, purpose, since: new Date(beganMs).toISOString() };
    this.#holds.add(hold);
    logger.info(hold, "contents are kept: what is removed takes its room until this is over");
    let stopWatching: () => void;
    const watch = () => {
      stopWatching = scheduler.after(LONG_MS, () => {
        logger.warn(hold, "contents are still kept: no room of removed files comes back");
        watch();
      });
    };
    watch();
    return () => {
      if (!this.#holds.delete(hold)) return;
      stopWatching();
      const seconds = Math.round((now().getTime() - beganMs) / 1000);
      logger.info({ ...hold, seconds }, "contents are kept no longer");
    };
  }

  /** Those of now, the oldest first. */
  list(): HoldStatus[] {
    return [...this.#holds];
  }
}
