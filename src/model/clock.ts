import { setImmediate } from "node:timers/promises";
import { compareTimestamps, type Timestamp, timestampFromMs, timestampToMs } from "./timestamp.js";

/** Where the time comes from; injected so that tests can hold it still. */
export interface Clock {
  /** The wall clock. Never earlier than a moment it gave before, unless the wall clock was set. */
  now(): Timestamp;
  /** Milliseconds of a clock that is never set, for intervals and deadlines. */
  monotonicMs(): number;
}

/** Runs something later, on the thread that owns the file system. */
export interface Scheduler {
  /** Calls `task` once, `delayMs` or more from now. Returns what cancels it. */
  after(delayMs: number, task: () => void): () => void;
  /** Resolves when the others who wait for the thread had their turn: for whoever would keep it long. */
  turn(): Promise<void>;
}

/** Node's timers go no further: a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Going back by more than this, the wall clock was set; by less, the two clocks drift apart. */
const DRIFT_MS = 2;

/**
 * The machine's clock. `Date.now()` counts milliseconds, too coarse for file times (make and git
 * compare them), so the fraction comes from the monotonic clock. It is anchored anew whenever it leaves the millisecond
 * that the wall clock shows, because others than us stamp files, too: nothing may seem to come from a millisecond
 * that hasn't begun.
 */
export class SystemClock implements Clock {
  #offsetMs = performance.timeOrigin;
  #last: Timestamp = { sec: 0, nsec: 0 };

  now(): Timestamp {
    const monotonic = performance.now();
    const wall = Date.now();
    const shown = this.#offsetMs + monotonic;
    if (shown < wall || shown >= wall + 1) this.#offsetMs = wall - monotonic;
    const now = timestampFromMs(this.#offsetMs + monotonic);
    const backMs = timestampToMs(this.#last) - timestampToMs(now);
    if (backMs > DRIFT_MS || compareTimestamps(now, this.#last) > 0) this.#last = now;
    return this.#last;
  }

  monotonicMs(): number {
    return performance.now();
  }
}

/** Schedules on the event loop; the timers keep no process alive. */
export class TimerScheduler implements Scheduler {
  turn(): Promise<void> {
    return setImmediate();
  }

  after(delayMs: number, task: () => void): () => void {
    if (delayMs <= LONGEST_TIMER_MS) {
      const timer = setTimeout(task, delayMs);
      timer.unref();
      return () => clearTimeout(timer);
    }
    let cancel = this.after(LONGEST_TIMER_MS, () => {
      cancel = this.after(delayMs - LONGEST_TIMER_MS, task);
    });
    return () => cancel();
  }
}
