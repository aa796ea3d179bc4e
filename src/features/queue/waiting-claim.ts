import type { Scheduler } from "../../model/clock.js";
import { NexusError } from "../../model/errors.js";
import type { WorkStore } from "../../storage/metadata/work-store.js";

/**
 * Tries again whenever an item may have become ready, until `attempt` gives something, the time is
 * over (undefined), the signal aborts (`interrupted`), or the queue is closed (`closed`). What `attempt`
 * throws ends it, too.
 */
export function waitForWork<T>({
  work,
  scheduler,
  attempt,
  waitMs,
  signal,
  closing,
}: {
  work: WorkStore;
  scheduler: Scheduler;
  attempt: () => T | undefined;
  /** Undefined waits as long as it takes. */
  waitMs: number | undefined;
  signal: AbortSignal | undefined;
  /** Aborts when the queue is closed. */
  closing: AbortSignal;
}): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    let isScheduled = false;
    let hasEnded = false;
    const end = (settle: () => void): void => {
      if (hasEnded) return;
      hasEnded = true;
      stopWatching();
      cancelTimer?.();
      signal?.removeEventListener("abort", abort);
      closing.removeEventListener("abort", close);
      settle();
    };
    const abort = () =>
      end(() => reject(new NexusError("interrupted", "waiting for work was aborted")));
    const close = () =>
      end(() => reject(new NexusError("closed", "closed while it waited for work")));
    const tryAgain = () => {
      isScheduled = false;
      if (hasEnded) return;
      try {
        const result = attempt();
        if (result !== undefined) end(() => resolve(result));
      } catch (error) {
        end(() => reject(error));
      }
    };
    // Outside of the transaction that brought the news, and once for many of them.
    const stopWatching = work.watchWork((news) => {
      if (news !== "ready" || isScheduled) return;
      isScheduled = true;
      queueMicrotask(tryAgain);
    });
    const cancelTimer =
      waitMs === undefined
        ? undefined
        : scheduler.after(waitMs, () => end(() => resolve(undefined)));
    signal?.addEventListener("abort", abort, { once: true });
    closing.addEventListener("abort", close, { once: true });
    if (signal?.aborted === true) abort();
    if (closing.aborted) close();
  });
}
