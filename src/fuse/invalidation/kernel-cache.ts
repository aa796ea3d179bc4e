import { constants } from "node:os";
import type { Scheduler } from "../../model/clock.js";
import { NexusError } from "../../model/errors.js";
import type { Ino } from "../../model/ids.js";
import type { Logger } from "../../telemetry/logger.js";
import type { Change } from "../../vfs/changes.js";
import { invalidateEntry, invalidateInode, storeByte } from "../protocol/notification.js";
import type { Notifier, NotifierEvents } from "./notifier.js";
import { merge, nameOf } from "./unsent.js";

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
  readonly onFailure: (error: Error) => void;
}

interface Unsent {
  /** One change, or several that are as one. */
  readonly change: Change;
  readonly number: number;
  /** Goes out when the answers up to this one are out. */
  readonly after: number;
  /** How often it was tried before. */
  readonly attempt: number;
}

/**
 * What one mount's kernel keeps, as far as others change it: makes it forget, in the order of the changes.
 *
 * An answer that is held back (see `Coherence`) may say what a change that comes meanwhile makes untrue; the
 * notification for that one waits until the answer is out.
 */
export class KernelCache {
  readonly #knows: KernelCacheOptions["knows"];
  readonly #startNotifier: KernelCacheOptions["startNotifier"];
  readonly #scheduler: Scheduler;
  readonly #logger: Logger;
  readonly #onFailure: KernelCacheOptions["onFailure"];
  #notifier: Notifier | undefined;
  /** In their order; several changes of one thing are one. */
  readonly #unsent = new Map<string, Unsent>();
  readonly #underWay: Unsent[] = [];
  /** Of what isn't done, sent or not: how many notifications, by the name of what they are of. */
  readonly #undone = new Map<string, number>();
  #lastNumber = 0;
  #doneNumber = 0;
  readonly #waiting = new Set<{ readonly number: number; readonly then: () => void }>();
  /** Answers to this mount that are held back, by number, in order. */
  readonly #heldAnswers = new Set<number>();
  #lastAnswer = 0;
  readonly #resized = new Set<Ino>();
  #cancelWatch: (() => void) | undefined;
  #isStuck = false;
  #isClosed = false;
  #whenIdle: (() => void) | undefined;

  constructor({ knows, startNotifier, scheduler, logger, onFailure }: KernelCacheOptions) {
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
    const ino = change.kind === "entry" ? change.parent : change.ino;
    if (this.#isClosed || !this.#knows(ino)) return undefined;
    if (change.kind === "content") this.#resized.add(ino);
    return this.#enqueue(change, 0);
  }

  /** Whether others may have given the file another size than the kernel goes by. */
  mayMistakeSize(ino: Ino): boolean {
    return this.#resized.has(ino);
  }

  /** The kernel has put bytes of its own where they don't belong: from here on its pages are wrong. */
  forgetFrom({ ino, offset }: { ino: Ino; offset: number }): void {
    if (this.#isClosed) return;
    this.#enqueue({ kind: "content", ino, offset, length: "to the end", sizeBytes: 0 }, 0);
  }

  /** The kernel knows an inode no more. */
  noteForgotten(ino: Ino): void {
    this.#resized.delete(ino);
  }

  /** Whether it hasn't heard of everything yet. */
  get isBehind(): boolean {
    return this.#undone.size > 0;
  }

  /** Whether it hasn't heard yet of an earlier change of the same thing. */
  isForgetting(change: Change): boolean {
    return this.#undone.has(nameOf(change));
  }

  /** Whether it is worth waiting for. */
  get isResponsive(): boolean {
    return !this.#isStuck && !this.#isClosed;
  }

  /** Whether this mount itself waits for others. */
  get hasHeldAnswers(): boolean {
    return this.#heldAnswers.size > 0;
  }

  isDone(number: number): boolean {
    return number <= this.#doneNumber || this.#isClosed;
  }

  /** Calls `then` when the kernel has forgotten what has this number, or can't be waited for any longer. */
  whenDone(number: number, then: () => void): void {
    this.#waiting.add({ number, then });
  }

  /** An answer to this mount is held back. Returns its number, for {@link releaseAnswer}. */
  holdAnswer(): number {
    this.#heldAnswers.add(++this.#lastAnswer);
    return this.#lastAnswer;
  }

  releaseAnswer(number: number): void {
    this.#heldAnswers.delete(number);
    this.#send();
  }

  /** Tells the kernel nothing more; calls `then` when nothing is under way to it. */
  close(then: () => void): void {
    this.#isClosed = true;
    this.#unsent.clear();
    this.#undone.clear();
    this.#cancelWatch?.();
    this.#letGoOfAll();
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
    const same = this.#unsent.get(name);
    if (same !== undefined && same.after === this.#lastHeld()) {
      this.#unsent.set(name, { ...same, change: merge(same.change, change) });
      return same.number;
    }
    const number = ++this.#lastNumber;
    const key = same === undefined ? name : `${name}#${number}`;
    this.#unsent.set(key, { change, number, after: this.#lastHeld(), attempt });
    if (this.#unsent.size > MOST_UNSENT) this.#giveUp();
    this.#undone.set(name, (this.#undone.get(name) ?? 0) + 1);
    this.#send();
    return number;
  }

  /** The last answer that is held back now; 0 for none. */
  #lastHeld(): number {
    return this.#heldAnswers.size === 0 ? 0 : this.#lastAnswer;
  }

  #send(): void {
    for (const [key, unsent] of this.#unsent) {
      if (this.#underWay.length >= MOST_UNDER_WAY) return;
      const [oldestHeld] = this.#heldAnswers;
      if (oldestHeld !== undefined && oldestHeld <= unsent.after) return;
      this.#notifier ??= this.#startNotifier({
        onDone: (results) => this.#noteDone(results),
        onFailure: this.#onFailure,
      });
      if (!this.#notifier.send(notificationsOf(unsent.change))) return;
      this.#unsent.delete(key);
      this.#underWay.push(unsent);
      this.#cancelWatch ??= this.#watch();
    }
  }

  #noteDone(results: readonly number[]): void {
    const done = this.#underWay.shift();
    if (done === undefined) return;
    this.#doneNumber = done.number;
    this.#noteNotUndone(nameOf(done.change));
    this.#isStuck = false;
    this.#cancelWatch?.();
    this.#cancelWatch = this.#underWay.length === 0 ? undefined : this.#watch();
    this.#tryAgain(done, results);
    this.#send();
    for (const waiting of this.#waiting) {
      if (!this.isDone(waiting.number)) continue;
      this.#waiting.delete(waiting);
      waiting.then();
    }
    if (this.#underWay.length === 0) this.#whenIdle?.();
  }

  #noteNotUndone(name: string): void {
    const left = (this.#undone.get(name) ?? 0) - 1;
    if (left > 0) this.#undone.set(name, left);
    else this.#undone.delete(name);
  }

  #tryAgain({ change, attempt }: Unsent, results: readonly number[]): void {
    const ino = change.kind === "entry" ? change.parent : change.ino;
    const delayMs = AGAIN_MS[attempt];
    // Of an entry, the last one is that of the directory.
    const result = change.kind === "entry" ? results.at(-1) : results[0];
    if (result !== -ENOENT || delayMs === undefined || !this.#knows(ino)) return;
    this.#scheduler.after(delayMs, () => {
      if (!this.#isClosed && this.#knows(ino)) this.#enqueue(change, attempt + 1);
    });
  }

  #watch(): () => void {
    return this.#scheduler.after(STUCK_MS, () => {
      this.#isStuck = true;
      this.#logger.warn("the kernel takes no notification: a program keeps a directory locked");
      this.#letGoOfAll();
    });
  }

  /** What it should have forgotten it may never hear of. */
  #giveUp(): void {
    this.#unsent.clear();
    this.#onFailure(
      new NexusError("io-failure", `the kernel takes no notifications, and ${MOST_UNSENT} wait`),
    );
  }

  #letGoOfAll(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const { then } of waiting) then();
  }
}

/**
 * Of a directory, its listing goes by the entry's notification only if the kernel has that entry, so its
 * pages go, too; and in this order, because the first one waits for whoever is listing it just now.
 */
function notificationsOf(change: Change): Buffer[] {
  switch (change.kind) {
    case "entry": {
      const { parent, name } = change;
      const bytes = { offset: 0, length: "to the end" as const };
      return [invalidateEntry({ parent, name }), invalidateInode({ ino: parent, bytes })];
    }
    case "attributes":
    case "access":
      return [invalidateInode({ ino: change.ino })];
    case "content": {
      const { ino, offset, length, sizeBytes, lastByte } = change;
      const bytes = length === 0 ? undefined : { offset, length };
      const forget = invalidateInode({ ino, bytes });
      if (lastByte === undefined || sizeBytes === 0) return [forget];
      // Who appends goes by the size that the kernel has, and that doesn't ask for it before.
      return [forget, storeByte({ ino, offset: sizeBytes - 1, byte: lastByte })];
    }
  }
}
