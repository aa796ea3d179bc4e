import { constants } from "node:os";
import type { Scheduler } from "../../model/clock.js";
import { NexusError } from "../../model/errors.js";
import type { Ino } from "../../model/ids.js";
import type { Logger } from "../../telemetry/logger.js";
import type { Change } from "../../vfs/changes.js";
import { type About, HeldAnswers } from "./held-answers.js";
import { notificationsOf } from "./notifications-of.js";
import type { Notifier, NotifierEvents } from "./notifier.js";
import { inodeOf, merge, nameOf, needsLock } from "./unsent.js";

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
  /** Whether there are other mounts now. */
  readonly hasOthers: () => boolean;
  /** Whether it may not hear in time of what others change in a directory. */
  readonly isContended: (directory: Ino) => boolean;
  /** Called with the first change that it has to hear of. */
  readonly startNotifier: (events: NotifierEvents) => Notifier;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  /** It can't be told any more. */
  readonly onFailure: (error: Error) => void;
}

interface Unsent {
  /** One change, or several that are as one. */
  readonly change: Change;
  /** Those by which it is waited for; never none. */
  readonly numbers: readonly number[];
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
  readonly #hasOthers: KernelCacheOptions["hasOthers"];
  readonly #isContended: KernelCacheOptions["isContended"];
  readonly #startNotifier: KernelCacheOptions["startNotifier"];
  readonly #scheduler: Scheduler;
  readonly #logger: Logger;
  readonly #onFailure: KernelCacheOptions["onFailure"];
  #notifier: Notifier | undefined;
  /** In their order; several changes of one thing are one. */
  readonly #unsent = new Map<string, Unsent>();
  /** What waits for an answer, by its inode, and then by what it is of and that answer's number. */
  readonly #deferred = new Map<Ino, Map<string, Deferred>>();
  #deferredCount = 0;
  readonly #underWay: Unsent[] = [];
  #lastNumber = 0;
  /** Changes that it hasn't heard of, by number: who waits for that. */
  readonly #undone = new Map<number, (() => void)[]>();
  /** How many these are of each thing. */
  readonly #undoneOf = new Map<string, number>();
  /** How many of these use what the kernel can have locked, by inode. */
  readonly #lockersOf = new Map<Ino, number>();
  readonly #heldAnswers = new HeldAnswers();
  #isOverdue = false;
  readonly #resized = new Set<Ino>();
  readonly #read = new Set<Ino>();
  #cancelWatch: (() => void) | undefined;
  #isStuck = false;
  #isClosed = false;
  #whenIdle: (() => void) | undefined;

  constructor(options: KernelCacheOptions) {
    const { knows, hasOthers, isContended, startNotifier, scheduler, logger, onFailure } = options;
    this.#knows = knows;
    this.#hasOthers = hasOthers;
    this.#isContended = isContended;
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
    if (change.kind === "content") this.#resized.add(ino);
    return this.#enqueue(change, 0);
  }

  /** The same for a change that its own mount has asked for, and of which it doesn't have all. */
  forgetOwn(change: Change): number | undefined {
    return this.#isClosed ? undefined : this.#enqueue(change, 0);
  }

  /** Whether other mounts may change the same files. */
  get hasOthers(): boolean {
    return this.#hasOthers();
  }

  /** Whether the kernel may keep what it is told of an inode, because it will hear of changes. */
  mayKeep(ino: Ino): boolean {
    return !this.#isContended(ino);
  }

  /** Whether others may have given the file another size than the kernel goes by. */
  mayMistakeSize(ino: Ino): boolean {
    return this.#resized.has(ino);
  }

  /** The kernel has read bytes, and keeps them. */
  noteRead(ino: Ino): void {
    this.#read.add(ino);
  }

  /**
   * Whether it has something to forget after its own write past its pages: a page that ends before the file does now,
   * or set-id bits that the write took.
   */
  isMistakenPast(ino: Ino): boolean {
    const hasPages = this.#read.has(ino) || this.#resized.has(ino);
    return hasPages || this.isForgetting({ kind: "attributes", ino });
  }

  /** The kernel has put bytes of its own where they don't belong: from here on its pages are wrong. */
  forgetFrom({ ino, offset }: { ino: Ino; offset: number }): void {
    this.forgetOwn({ kind: "content", ino, offset, length: "to the end", sizeBytes: 0 });
  }

  /** The kernel knows an inode no more. */
  noteForgotten(ino: Ino): void {
    this.#resized.delete(ino);
    this.#read.delete(ino);
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
   * Whether a notification that isn't taken yet needs the lock of one of these inodes, which the kernel may keep
   * until it has the answer.
   */
  needsLockOf({ locked, changed }: About): boolean {
    if (this.#lockersOf.size === 0) return false;
    const isNeeded = (ino: Ino) => this.#lockersOf.has(ino);
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
  holdAnswer(about: About, letGo: () => void): number {
    return this.#heldAnswers.add(about, letGo);
  }

  releaseAnswer(number: number): void {
    for (const ino of this.#heldAnswers.remove(number)) this.#undefer(ino);
    this.#send();
  }

  /** Tells the kernel nothing more; calls `then` when nothing is under way to it. */
  close(then: () => void): void {
    this.#isClosed = true;
    this.#clearUnsent();
    this.#cancelWatch?.();
    this.#letGoOfAll();
    this.#undone.clear();
    this.#undoneOf.clear();
    this.#lockersOf.clear();
    const finish = () => {
      this.#whenIdle = undefined;
      cancel();
      this.#notifier?.close();
      then();
    };
    const cancel = this.#scheduler.after(STUCK_MS, finish);
    if (this.#underWay.length === 0) finish();
    else this.#whenIdle = finish;
  }

  #enqueue(change: Change, attempt: number): number {
    const name = nameOf(change);
    const after = this.#heldAnswers.lastBefore(change);
    const [queue, key] =
      after === 0
        ? [this.#unsent, name]
        : [this.#deferredOf(inodeOf(change)), `${name} after ${after}`];
    const same = queue.get(key);
    const numbers = same?.numbers ?? [this.#newNumber(change)];
    const merged = same === undefined ? change : merge(same.change, change);
    const unsent = { change: merged, numbers, attempt: same?.attempt ?? attempt, after };
    if (after !== 0 && same === undefined) this.#deferredCount += 1;
    queue.set(key, unsent);
    if (this.#unsent.size + this.#deferredCount > MOST_UNSENT) this.#giveUp();
    if (after === 0) this.#send();
    return numbers[0] as number;
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
      const both = same && {
        change: merge(same.change, later.change),
        numbers: [...same.numbers, ...later.numbers],
        attempt: same.attempt,
      };
      this.#unsent.set(name, both ?? later);
    }
    if (deferred.size === 0) this.#deferred.delete(ino);
  }

  #newNumber(change: Change): number {
    this.#undone.set(++this.#lastNumber, []);
    count(this.#undoneOf, nameOf(change), 1);
    if (needsLock(change)) count(this.#lockersOf, inodeOf(change), 1);
    return this.#lastNumber;
  }

  #send(): void {
    for (const [name, unsent] of this.#unsent) {
      if (this.#underWay.length >= MOST_UNDER_WAY) return;
      this.#notifier ??= this.#startNotifier({
        onDone: (results) => this.#noteDone(results),
        onFailure: this.#onFailure,
      });
      if (!this.#notifier.send(notificationsOf(unsent.change))) return;
      this.#unsent.delete(name);
      this.#underWay.push(unsent);
      this.#cancelWatch ??= this.#watch();
    }
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
    if (this.#underWay.length === 0) this.#whenIdle?.();
  }

  /** Returns who waited for it. */
  #noteNotUndone(number: number, change: Change): readonly (() => void)[] {
    const waiting = this.#undone.get(number);
    if (waiting === undefined) return []; // closed meanwhile
    this.#undone.delete(number);
    count(this.#undoneOf, nameOf(change), -1);
    if (needsLock(change)) count(this.#lockersOf, inodeOf(change), -1);
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
      this.#heldAnswers.letGoOfAll();
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

/** How many there are of a thing; what there is none of isn't kept. */
function count<T>(counts: Map<T, number>, thing: T, more: number): void {
  const now = (counts.get(thing) ?? 0) + more;
  if (now > 0) counts.set(thing, now);
  else counts.delete(thing);
}
