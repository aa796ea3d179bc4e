import { availableParallelism } from "node:os";
import { PollSet } from "../libc/device.js";
import { EventLoop } from "../libc/event-loop.js";
import type { Scheduler } from "../model/clock.js";

/** How long to wait awake for the next request of a run. An idle mount never does. */
const AWAKE_MS = 0.05;
/** After a sleep shorter than this, requests come in a run. */
const BUSY_GAP_MS = 0.3;
/** With one processor, whoever waits awake keeps the others from asking. */
const CAN_STAY_AWAKE = availableParallelism() > 1;

/**
 * When nothing comes, the event loop goes round after the first of these pauses, then twice as long each time, up to
 * the last; then it sleeps. V8 gives back what is free of its heap by timers of the loop, the first one eight seconds
 * after a collection.
 */
const FIRST_ROUND_MS = 1000;
const LAST_ROUND_MS = 64_000;

/** A descriptor with requests on it. */
export interface Source {
  readonly fd: number;
  /** What {@link receive} is called for; requests, if it isn't said. */
  readonly waitsFor?: "requests" | "the end";
  /** Reads and serves one request, if there is one. Returns whether more may come. */
  receive(): "more" | "ended";
  /** Answers are due that need the event loop to go round. */
  readonly isWaiting: boolean;
}

interface Timer {
  readonly dueMs: number;
  readonly task: () => void;
}

/**
 * Serves requests on the thread that runs it: sleeps in poll(2) until a device has one, serves it,
 * sleeps again. No timer, no event, no promise in between.
 *
 * The thread's event loop still works, because the pump also sleeps on the loop's own descriptor: when a message from
 * another thread or a result from libuv's thread pool arrives, the pump steps aside for one turn of the loop (60-100
 * microseconds from there to here). What the loop can't tell by its descriptor are its timers and immediates; so on
 * this thread delays are made with {@link after} and {@link turn}, never with setTimeout or setImmediate, and timers
 * that others make, V8 above all, have their time when the thread has none of its own: see {@link FIRST_ROUND_MS}. Nor
 * can the loop tell of a promise that was resolved while a request was served: see {@link stepAside}.
 */
export class Pump implements Scheduler {
  readonly #poll = new PollSet();
  readonly #loop = EventLoop.current();
  readonly #sources = new Set<Source>();
  readonly #timers = new Set<Timer>();
  readonly #turns: (() => void)[] = [];
  #isRunning = false;
  #stepsAside = false;
  /** Requests come one after the other. */
  #isBusy = false;
  /** How long nothing has to come until the event loop goes round; -1 when it has gone often enough. */
  #roundMs = FIRST_ROUND_MS;

  constructor() {
    this.#poll.add(this.#loop.fd);
  }

  add(source: Source): void {
    this.#sources.add(source);
    this.#poll.add(source.fd, { quiet: source.waitsFor === "the end" });
  }

  /** Lets a source go, before its descriptor is closed: the number is another one's soon after. */
  remove(source: Source): void {
    if (this.#sources.delete(source)) this.#poll.remove(source.fd);
  }

  after(delayMs: number, task: () => void): () => void {
    const timer = { dueMs: performance.now() + delayMs, task };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  turn(): Promise<void> {
    return new Promise((resolve) => this.#turns.push(resolve));
  }

  /** Has the event loop go round as soon as the requests that are there are served. */
  stepAside(): void {
    this.#stepsAside = true;
  }

  /** Serves until {@link stop}. */
  async run(): Promise<void> {
    this.#isRunning = true;
    while (this.#isRunning) {
      await turnOfTheLoop();
      if (this.#isRunning) this.#serve();
    }
  }

  stop(): void {
    this.#isRunning = false;
  }

  /** Serves until the event loop has something to do. */
  #serve(): void {
    for (;;) {
      const isRound = !this.#sleep();
      let isWaiting = this.#poll.isReady(this.#loop.fd);
      for (const source of this.#sources) {
        if (this.#poll.isReady(source.fd) && source.receive() === "ended") this.remove(source);
        isWaiting ||= source.isWaiting;
      }
      // After what was there: where this thread was held up, it didn't come too late for whoever waits with a limit.
      const hasRun = this.#runDueTimers();
      if (this.#turns.length > 0 || this.#stepsAside) {
        this.#stepsAside = false;
        for (const take of this.#turns.splice(0)) take();
        return;
      }
      if (hasRun || isWaiting || isRound || !this.#isRunning) return;
    }
  }

  /**
   * Waits until something is ready. In a run of requests, one after the other, the next one is
   * waited for awake at first: going to sleep and waking up again takes longer than it usually
   * takes to come (and on a virtual machine, leaving the processor costs most of all). False when nothing came.
   */
  #sleep(): boolean {
    const timeoutMs = this.#timeoutMs();
    if (this.#isBusy && timeoutMs !== 0) {
      const until = performance.now() + AWAKE_MS;
      do {
        if (this.#poll.wait(0) > 0) return true;
      } while (performance.now() < until);
    }
    const before = performance.now();
    const hasCome = this.#poll.wait(timeoutMs) > 0;
    this.#isBusy = CAN_STAY_AWAKE && performance.now() - before < BUSY_GAP_MS;
    if (hasCome) this.#roundMs = FIRST_ROUND_MS;
    else if (timeoutMs === this.#roundMs) this.#roundMs = nextRoundMs(timeoutMs);
    return hasCome;
  }

  #runDueTimers(): boolean {
    if (this.#timers.size === 0) return false;
    const now = performance.now();
    let hasRun = false;
    for (const timer of [...this.#timers]) {
      // An earlier one may have cancelled it.
      if (timer.dueMs > now || !this.#timers.delete(timer)) continue;
      timer.task();
      hasRun = true;
    }
    return hasRun;
  }

  #timeoutMs(): number {
    if (this.#turns.length > 0 || this.#stepsAside) return 0;
    if (this.#timers.size === 0) return this.#roundMs;
    let dueMs = Number.POSITIVE_INFINITY;
    for (const timer of this.#timers) dueMs = Math.min(dueMs, timer.dueMs);
    const waitMs = Math.max(0, Math.ceil(dueMs - performance.now()));
    return this.#roundMs === -1 ? waitMs : Math.min(waitMs, this.#roundMs);
  }
}

function nextRoundMs(roundMs: number): number {
  return roundMs >= LAST_ROUND_MS || roundMs === -1 ? -1 : roundMs * 2;
}

function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
