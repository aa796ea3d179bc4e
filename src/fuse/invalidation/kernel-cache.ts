import { constants } from "node:os";
import type { Scheduler } from "../../model/clock.js";
import { NexusError } from "../../model/errors.js";
import type { Ino } from "../../model/ids.js";
import type { Logger } from "../../telemetry/logger.js";
import type { Change } from "../../vfs/changes.js";
import { HeldAnswers, type Subject } from "./held-answers.js";
import { KernelPages } from "./kernel-pages.js";
import { KeyedQueue } from "./keyed-queue.js";
import { notificationsOf } from "./notifications-of.js";
import type { Notifier, NotifierEvents } from "./notifier/notifier.js";
import { inodeOf, merge, nameOf } from "./unsent.js";

const { ENOENT } = constants.errno;

/** Packets that are under way at once; more wait here, where they can still become one. */
const MOST_UNDER_WAY = 64;
/**
 * More than these don't wait for a kernel that takes none, some 80 MB: its mount ends instead. Only a program
 * that keeps a directory locked for all that time gets it so far.
 */
const MOST_UNSENT = 250_000;
/**
 * A program can keep a directory locked for as long as it likes. Nobody waits longer for that mount's
 * kernel, which is told as soon as it lets us.
 */
const STUCK_MS = 2000;
/**
 * So long a kernel may take no notification while answers are held back from it. What it waits for may wait for one
 * of them, by locks that only it knows: so they go out, and none is held back until it goes on.
 */
const OVERDUE_MS = 100;
/**
 * The kernel doesn't know an inode that it was told of: the one who asked hasn't yet taken the answer, and
 * what he takes is old. So it is told again, after so many milliseconds each time; on a machine with more to
 * do than processors a process that could go on may wait for a good part of a second.
 */
const AGAIN_MS = [1, 10, 100, 1000] as const;

export interface KernelCacheOptions {
  /** Whether the kernel may know an inode. */
  readonly knows: (ino: Ino) => boolean;
  /** Called with the first change that it has to hear of. */
  readonly startNotifier: (events: NotifierEvents) => Notifier;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  /** It can't be told any more. */
  readonly onFailure: (error: NexusError) => void;
}

interface Unsent {
  /** One change, or several that are as one. */
  readonly change: Change;
  /** Those by which it is waited for. */
  readonly numbers: readonly [number, ...number[]];
  /** How often it was tried before. */
  readonly attempt: number;
}

interface Deferred extends Unsent {
  /** Goes out when the answers up to this one that concern the same inode are out. */
  readonly after: number;
}

/**
 * What one mount's kernel keeps, as far as others change it: makes it forget, in the order of the changes of
 * each inode.
 *
 * An answer that is held back (see `Coherence`) may say what a change that comes meanwhile makes untrue, and its
 * kernel keeps locked what it is about. So what concerns the same inodes is told when the answer is out.
 */
export class KernelCache {
  readonly #knows: KernelCacheOptions["knows"];
  readonly #startNotifier: KernelCacheOptions["startNotifier"];
  readonly #scheduler: Scheduler;
  readonly #logger: Logger;
  readonly #onFailure: KernelCacheOptions["onFailure"];
  #notifier: Notifier | undefined;
  /** In their order; several changes of one thing are one. */
  readonly #unsent = new KeyedQueue<Unsent>();
  /** What waits for an answer, by its inode, and then by what it is of and that answer's number. */
  readonly #deferred = new Map<Ino, Map<string, Deferred>>();
  #deferredCount = 0;
  readonly #underWay: Unsent[] = [];
  #lastNumber = 0;
  /** Changes that it hasn't heard of, by number: who waits for that. */
  readonly #undone = new Map<number, (() => void)[]>();
  /** How many these are of each thing. */
  readonly #undoneOf = new Map<string, number>();
  /** How many of these are names, by directory, and bytes, by file. */
  readonly #undoneEntries = new Map<Ino, number>();
  readonly #undoneContents = new Map<Ino, number>();
  readonly #heldAnswers = new HeldAnswers();
  #isOverdue = false;
  /** What it has of files' bytes. */
  readonly pages = new KernelPages();
  #cancelWatch: (() => void) | undefined;
  #isStuck = false;
  #isClosed = false;

  constructor(options: KernelCacheOptions) {
    const { knows, startNotifier, scheduler, logger, onFailure } = options;
    this.#knows = knows;
    this.#startNotifier = startNotifier;
    this.#scheduler = scheduler;
    this.#logger = logger;
    this.#onFailure = onFailure;
  }

  /**
   * Makes the kernel forget what a change made untrue. Returns a number to wait for, see {@link whenDone};
   * undefined when there is nothing to forget.
   */
  forget(change: Change): number | undefined {
    const ino = inodeOf(change);
    if (this.#isClosed || !this.#knows(ino)) return undefined;
    if (change.kind === "content") this.pages.noteChangedByOthers(ino);
    return this.#enqueue(change, 0);
  }

  /** The same for a change that its own mount has asked for, and of which it doesn't have all. */
  forgetOwn(change: Change): number | undefined {
    return this.#isClosed ? undefined : this.#enqueue(change, 0);
  }

  /**
   * Whether it has something to forget after its own write past its pages: some of those, or set-id bits that
   * the write took.
   */
  isMistakenPastPages(ino: Ino): boolean {
    return this.pages.mayKeep(ino) || this.isForgetting({ kind: "attributes", ino });
  }

  /** The kernel has put bytes of its own where they don't belong: from here on its pages are wrong. */
  forgetFrom({ ino, offset }: { ino: Ino; offset: number }): void {
    this.forgetOwn({ kind: "content", ino, offset, length: "to the end", sizeBytes: 0 });
  }

  /** Whether it hasn't heard of everything yet. */
  get isBehind(): boolean {
    return this.#undone.size > 0;
  }

  /** Whether it hasn't heard yet of an earlier change of the same thing. */
  isForgetting(change: Change): boolean {
    return this.#undoneOf.has(nameOf(change));
  }

  /**
   * Whether a notification that isn't taken yet needs a lock that the kernel may keep until it has an answer:
   * forgetting a name takes its directory's, forgetting bytes those of their pages.
   */
  needsLockOf({ locked, changed, pages }: Subject): boolean {
    if (pages !== undefined && this.#undoneContents.has(pages)) return true;
    if (this.#undoneEntries.size === 0) return false;
    const isNeeded = (ino: Ino) => this.#undoneEntries.has(ino);
    return locked.some(isNeeded) || changed.some(isNeeded);
  }

  /** Whether it has taken nothing for so long that it may wait for an answer. */
  get isOverdue(): boolean {
    return this.#isOverdue;
  }

  /** Whether it is worth waiting for. */
  get isResponsive(): boolean {
    return !this.#isStuck && !this.#isClosed;
  }

  isDone(number: number): boolean {
    return !this.#undone.has(number);
  }

  /**
   * Calls `then` when the kernel has forgotten what has this number, which isn't done, or can't be waited for
   * any longer.
   */
  whenDone(number: number, then: () => void): void {
    this.#undone.get(number)?.push(then);
  }

  /**
   * An answer to this mount is held back. Returns its number, for {@link releaseAnswer}. Where this mount's kernel
   * takes nothing for long, `letGo` is called, which has the answer go out.
   */
  holdAnswer(subject: Subject, letGo: () => void): number {
    return this.#heldAnswers.add(subject, letGo);
  }

  releaseAnswer(number: number): void {
    for (const ino of this.#heldAnswers.remove(number)) this.#undefer(ino);
    this.#send();
  }

  /** Tells the kernel nothing more. */
  close(): void {
    this.#isClosed = true;
    this.#clearUnsent();
    this.#cancelWatch?.();
    this.#letGoOfAll();
    this.#undone.clear();
    this.#undoneOf.clear();
    this.#undoneEntries.clear();
    this.#undoneContents.clear();
    this.#underWay.length = 0;
    this.#notifier?.close();
  }

  #enqueue(change: Change, attempt: number): number {
    const name = nameOf(change);
    const after = this.#heldAnswers.lastBefore(change);
    const [queue, key] =
      after === 0
        ? [this.#unsent, name]
        : [this.#deferredOf(inodeOf(change)), `${name} after ${after}`];
    const same = queue.get(key);
    const numbers = same?.numbers ?? ([this.#newNumber(change)] as const);
    const merged = same === undefined ? change : merge(same.change, change);
    const unsent = { change: merged, numbers, attempt: same?.attempt ?? attempt, after };
    if (after !== 0 && same === undefined) this.#deferredCount += 1;
    queue.set(key, unsent);
    if (this.#unsent.size + this.#deferredCount > MOST_UNSENT) this.#giveUp();
    if (after === 0) this.#send();
    return numbers[0];
  }

  #deferredOf(ino: Ino): Map<string, Deferred> {
    let deferred = this.#deferred.get(ino);
    if (deferred === undefined) {
      deferred = new Map();
      this.#deferred.set(ino, deferred);
    }
    return deferred;
  }

  /** Of what waits for answers, has that go out which waits for none any more. */
  #undefer(ino: Ino): void {
    const deferred = this.#deferred.get(ino);
    if (deferred === undefined) return;
    for (const [key, later] of deferred) {
      if (this.#heldAnswers.lastBefore(later.change, later.after) !== 0) continue;
      deferred.delete(key);
      this.#deferredCount -= 1;
      const name = nameOf(later.change);
      const same = this.#unsent.get(name);
      this.#unsent.set(name, same === undefined ? later : both(same, later));
    }
    if (deferred.size === 0) this.#deferred.delete(ino);
  }

  #newNumber(change: Change): number {
    this.#undone.set(++this.#lastNumber, []);
    count(this.#undoneOf, nameOf(change), 1);
    this.#countLocks(change, 1);
    return this.#lastNumber;
  }

  #countLocks(change: Change, more: number): void {
    if (change.kind === "entry") count(this.#undoneEntries, change.parent, more);
    else if (change.kind === "content") count(this.#undoneContents, change.ino, more);
  }

  #send(): void {
    while (this.#underWay.length < MOST_UNDER_WAY) {
      const unsent = this.#unsent.first();
      if (unsent === undefined) return;
      this.#notifier ??= this.#startNotifier({
        onDone: (results) => this.#noteDone(results),
        onLost: () => this.#sendAgain(),
        onFailure: this.#onFailure,
      });
      const isTaken = this.#notifier.send(notificationsOf(unsent.change));
      this.#cancelWatch ??= this.#watch();
      if (!isTaken) return;
      this.#unsent.removeFirst();
      this.#underWay.push(unsent);
    }
  }

  /** Some of it may have arrived: forgetting twice is no matter. */
  #sendAgain(): void {
    for (const { change } of this.#underWay) this.#notifier?.send(notificationsOf(change));
    this.#send();
  }

  #noteDone(results: readonly number[]): void {
    const done = this.#underWay.shift();
    if (done === undefined) return;
    this.#isStuck = false;
    this.#isOverdue = false;
    this.#cancelWatch?.();
    this.#cancelWatch = this.#underWay.length === 0 ? undefined : this.#watch();
    const waiting = done.numbers.flatMap((number) => this.#noteNotUndone(number, done.change));
    this.#tryAgain(done, results);
    this.#send();
    for (const then of waiting) then();
  }

  /** Returns who waited for it. */
  #noteNotUndone(number: number, change: Change): readonly (() => void)[] {
    const waiting = this.#undone.get(number);
    if (waiting === undefined) return []; // closed meanwhile
    this.#undone.delete(number);
    count(this.#undoneOf, nameOf(change), -1);
    this.#countLocks(change, -1);
    return waiting;
  }

  #tryAgain({ change, attempt }: Unsent, results: readonly number[]): void {
    const ino = inodeOf(change);
    const delayMs = AGAIN_MS[attempt];
    // Of an entry, the last one is that of the directory.
    const result = change.kind === "entry" ? results.at(-1) : results[0];
    if (result !== -ENOENT || delayMs === undefined || !this.#knows(ino)) return;
    this.#scheduler.after(delayMs, () => {
      if (!this.#isClosed && this.#knows(ino)) this.#enqueue(change, attempt + 1);
    });
  }

  /** That it takes what is under way. */
  #watch(): () => void {
    let cancel = this.#scheduler.after(OVERDUE_MS, () => {
      this.#isOverdue = true;
      this.#logger.debug(`the kernel takes no notification for ${OVERDUE_MS} ms: nobody waits`);
      this.#heldAnswers.letGoOfAll();
      if (this.#isClosed) return; // the last answer that its session waited for
      cancel = this.#scheduler.after(STUCK_MS - OVERDUE_MS, () => {
        this.#isStuck = true;
        this.#logger.warn("the kernel takes no notification: a program keeps a directory locked");
        this.#letGoOfAll();
      });
    });
    return () => cancel();
  }

  /** What it should have forgotten it may never hear of. */
  #giveUp(): void {
    this.#clearUnsent();
    this.#onFailure(
      new NexusError("io-failure", `the kernel takes no notifications, and ${MOST_UNSENT} wait`),
    );
  }

  #clearUnsent(): void {
    this.#unsent.clear();
    this.#deferred.clear();
    this.#deferredCount = 0;
  }

  #letGoOfAll(): void {
    const waiting = [...this.#undone.values()].flatMap((those) => those.splice(0));
    for (const then of waiting) then();
  }
}

/** What came first, and later while that waited. */
function both(first: Unsent, later: Unsent): Unsent {
  const [number, ...more] = first.numbers;
  return {
    change: merge(first.change, later.change),
    numbers: [number, ...more, ...later.numbers],
    attempt: first.attempt,
  };
}

/** How many there are of a thing; what there is none of isn't kept. */
function count<T>(counts: Map<T, number>, thing: T, more: number): void {
  const now = (counts.get(thing) ?? 0) + more;
  if (now > 0) counts.set(thing, now);
  else counts.delete(thing);
}
