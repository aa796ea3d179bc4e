import { setImmediate } from "node:timers/promises";
import type { Clock, Scheduler } from "../../src/model/clock.js";
import { type Timestamp, timestampFromMs } from "../../src/model/timestamp.js";

interface Task {
  readonly dueMs: number;
  readonly run: () => void;
}

/** Time that moves only when a test says so, with the tasks that fall due on the way. */
export class FakeClock implements Clock, Scheduler {
  #nowMs: number;
  readonly #startMs: number;
  #setBackMs = 0;
  readonly #tasks = new Set<Task>();

  constructor(startMs = Date.UTC(2030, 0, 1)) {
    this.#nowMs = startMs;
    this.#startMs = startMs;
  }

  now(): Timestamp {
    return timestampFromMs(this.#nowMs - this.#setBackMs);
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const task = { dueMs: this.#nowMs + delayMs, run };
    this.#tasks.add(task);
    return () => this.#tasks.delete(task);
  }

  turn(): Promise<void> {
    return setImmediate();
  }

  /** Moves on, and runs what falls due, in its order. */
  advance(ms: number): void {
    const end = this.#nowMs + ms;
    for (;;) {
      const due = [...this.#tasks].filter((task) => task.dueMs <= end);
      const next = due.sort((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined) break;
      this.#tasks.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.run();
    }
    this.#nowMs = end;
  }

  /** Moves on, and runs nothing: what falls due is late. */
  skip(ms: number): void {
    this.#nowMs += ms;
  }

  /** Somebody corrects the time of day; what waits isn't moved by that. */
  setBack(ms: number): void {
    this.#setBackMs += ms;
  }

  /** How many tasks wait: an idle system has none. */
  get waiting(): number {
    return this.#tasks.size;
  }
}
