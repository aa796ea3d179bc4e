import type { Clock, Scheduler } from "../../model/clock.js";
import type { Failpoints } from "../../model/failpoint.js";
import { timestampToMs } from "../../model/timestamp.js";
import type { WorkStore } from "../../storage/metadata/work-store.js";
import type { Logger } from "../../telemetry/logger.js";

/** Timers don't reach further than 24 days; and a clock that was set is noticed at last. */
const MOST_MS = 60 * 60 * 1000;
/** After a failure (a full disk). */
const RETRY_MS = 1000;

/**
 * Ends leases when their time is over, so that a worker that died holds up nobody. Has one timer, and
 * that only while something is leased: a queue at rest uses no CPU.
 */
export class LeaseKeeper {
  readonly #work: WorkStore;
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #logger: Logger;
  readonly #failpoints: Failpoints;
  readonly #stopWatching: () => void;
  #cancel: (() => void) | undefined;
  #dueMs = Number.POSITIVE_INFINITY;

  constructor(options: {
    work: WorkStore;
    clock: Clock;
    scheduler: Scheduler;
    logger: Logger;
    failpoints: Failpoints;
  }) {
    this.#work = options.work;
    this.#clock = options.clock;
    this.#scheduler = options.scheduler;
    this.#logger = options.logger;
    this.#failpoints = options.failpoints;
    this.#stopWatching = this.#work.watchWork((news) => {
      if (news === "leased") this.#arm();
    });
    this.#expire();
  }

  close(): void {
    this.#stopWatching();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #expire(): void {
    this.#cancel = undefined;
    this.#dueMs = Number.POSITIVE_INFINITY;
    try {
      const expired = this.#work.expireLeases(this.#clock.now());
      if (expired > 0) this.#failpoints.reach("lease-expired");
      if (expired > 0) this.#logger.info({ expired }, "leases ended; their items are ready again");
      this.#arm();
    } catch (error) {
      this.#logger.error({ err: error }, "leases can't be ended now");
      this.#armIn(RETRY_MS);
    }
  }

  #arm(): void {
    const endMs = this.#work.nextLeaseEndMs();
    if (endMs === undefined || endMs >= this.#dueMs) return;
    this.#dueMs = endMs;
    const nowMs = timestampToMs(this.#clock.now());
    this.#armIn(Math.min(MOST_MS, Math.max(1, Math.ceil(endMs - nowMs))));
  }

  #armIn(delayMs: number): void {
    this.#cancel?.();
    this.#cancel = this.#scheduler.after(delayMs, () => this.#expire());
  }
}
