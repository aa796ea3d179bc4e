import type { Clock } from "../../model/clock.js";
import type { Caller, Origin } from "../../model/identity.js";
import type { Ino } from "../../model/ids.js";
import type { AccessChange, Change, ChangeSource } from "../../vfs/changes.js";
import { Contention } from "./contention.js";
import type { KernelCache } from "./kernel-cache.js";
import { inodeOf } from "./unsent.js";

/** What one caller has changed: of a request all of it, of a client what isn't forgotten yet. */
interface Doings {
  /** What of it some kernel may not have forgotten yet: by which numbers, of each. */
  readonly debts: Map<KernelCache, Set<number>>;
  /** Of a request: the directories and files whose names and bytes it has changed, and other inodes. */
  readonly locked: Ino[];
  readonly changed: Ino[];
  /** What a request has changed whose own kernel hasn't heard of all that others did. */
  readonly own: Change[];
}

/**
 * Keeps the kernels of several mounts of one store from telling what isn't so any more. What is changed
 * through one mount, or by a client, is forgotten by all others before the answer to that change goes out.
 *
 * While an answer is held back, the kernel that waits for it keeps locked what was changed, and no
 * notification that needs one of these locks gets through. So that mounts don't wait for each other for ever:
 *
 * 1. An answer isn't held back whose kernel still has to hear of another change that needs one of these locks: that
 *    one's answer, which waits elsewhere, would wait for this one. Of two mounts that change the same directory at
 *    the same moment, the second one doesn't wait. So that this is rarely seen, kernels keep nothing of a directory
 *    that several mounts change (`Contention`).
 * 2. A kernel is told of a change when no answer that keeps the same locked is held back from it any more.
 * 3. The locks of one kernel chain: who waits for one keeps others. Of that we can't know. So where a
 *    kernel takes no notification for 100 ms, the answers that are held back from it go out, and none is held back
 *    until it goes on. Each ring passes through such a kernel.
 *
 * (A write past the pages keeps nothing locked that a notification needs, and is free of the first rule.)
 *
 * A kernel changes by itself what it asks for, and goes by the entries that it has: after a rename it takes
 * the new name to lead to where the old one did in its eyes. If that wasn't so any more, and it only hadn't heard
 * of it yet, it has to forget the new name, too.
 */
export class Coherence {
  readonly #caches = new Map<symbol, KernelCache>();
  /** By the request; all that a client asks for is one. */
  readonly #doings = new WeakMap<Origin | Caller, Doings>();
  readonly #contention: Contention;

  constructor({ changes, clock }: { changes: ChangeSource; clock: Pick<Clock, "monotonicMs"> }) {
    this.#contention = new Contention({ clock });
    changes.subscribe((change, by) => this.#tell(change, by));
  }

  /** From now on the mount's kernel hears of what others change. */
  join(mount: symbol, cache: KernelCache): void {
    this.#caches.set(mount, cache);
  }

  leave(mount: symbol): void {
    this.#caches.delete(mount);
  }

  /** Whether there is more than one mount. */
  get hasSeveral(): boolean {
    return this.#caches.size > 1;
  }

  /** Whether a kernel may keep nothing of a directory, because it may not hear in time of what changes there. */
  isContended(directory: Ino): boolean {
    return this.#caches.size > 1 && this.#contention.has(directory);
  }

  /**
   * Calls `then` when what this caller has changed so far is forgotten by all others, and never before it
   * returns. Returns false, and calls nothing, when it is forgotten already or can't be waited for. `told` are
   * the inodes that the kernel learns of by the answer.
   */
  whenForgotten(caller: Caller, then: () => void, told: readonly Ino[] = []): boolean {
    const asked = caller.origin ?? caller;
    const doings = this.#doings.get(asked);
    if (doings === undefined) return false;
    const { origin } = caller;
    const own = origin && this.#caches.get(origin.mount);
    if (own !== undefined) correct(own, doings.own);
    // A client may do several things at once, and each of them waits for what was changed before its end.
    if (origin === undefined) dropPaid(doings);
    else this.#doings.delete(asked);
    const node = origin === undefined ? [] : [origin.node];
    const about = { locked: [...node, ...doings.locked, ...told], changed: doings.changed };
    // Nobody waits for a client, which keeps nothing locked.
    if (!origin?.goesPastCache && own?.needsLockOf(about)) return false;
    const open = own?.isOverdue ? [] : unpaid(doings);
    if (open.length === 0) return false;
    let isOut = false;
    const letGo = () => {
      if (isOut) return;
      isOut = true;
      then();
      if (answer !== undefined) own?.releaseAnswer(answer);
    };
    const answer = own?.holdAnswer(about, letGo);
    let left = open.length;
    for (const [cache, number] of open) {
      cache.whenDone(number, () => {
        left -= 1;
        if (left === 0) letGo();
      });
    }
    return true;
  }

  #tell(change: Change, by: Caller | undefined): void {
    const mount = by?.origin?.mount;
    for (const [each, cache] of this.#caches) {
      const isOwn = each === mount;
      if (isOwn && !(isPastOwn(change, by) && cache.isMistakenPast(inodeOf(change)))) continue;
      const number = isOwn ? cache.forgetOwn(change) : cache.forget(change);
      // Or whoever reads would have answers held back.
      if (change.kind === "access") continue;
      if (number !== undefined && by !== undefined) this.#noteDebt(by, { cache, number });
    }
    if (by?.origin !== undefined && change.kind !== "access") this.#noteDone(by.origin, change);
  }

  #noteDebt(by: Caller, { cache, number }: { cache: KernelCache; number: number }): void {
    const { debts } = this.#doingsOf(by.origin ?? by);
    const numbers = debts.get(cache);
    if (numbers === undefined) debts.set(cache, new Set([number]));
    else numbers.add(number);
  }

  #noteDone(origin: Origin, change: Exclude<Change, AccessChange>): void {
    const isBehind = this.#caches.get(origin.mount)?.isBehind;
    if (!isBehind && this.#caches.size < 2) return;
    if (change.kind === "entry") this.#contention.note(change.parent, origin.mount);
    const { locked, changed, own } = this.#doingsOf(origin);
    (change.kind === "attributes" ? changed : locked).push(inodeOf(change));
    if (isBehind && change.kind !== "content") own.push(change);
  }

  #doingsOf(asked: Origin | Caller): Doings {
    let doings = this.#doings.get(asked);
    if (doings === undefined) {
      doings = { debts: new Map(), locked: [], changed: [], own: [] };
      this.#doings.set(asked, doings);
    }
    return doings;
  }
}

/** Whether even the kernel that asked has to forget pages, because it didn't put the bytes there. */
function isPastOwn({ kind }: Change, by: Caller | undefined): boolean {
  return kind === "content" && by?.origin?.goesPastCache === true;
}

/** Before the answer: the notification waits for the lock that the kernel keeps until it has that. */
function correct(cache: KernelCache, own: readonly Change[]): void {
  if (own.some((change) => cache.isForgetting(change))) {
    for (const change of own) cache.forgetOwn(change);
  }
}

function dropPaid({ debts }: Doings): void {
  for (const [cache, numbers] of debts) {
    for (const number of numbers) if (cache.isDone(number)) numbers.delete(number);
    if (numbers.size === 0) debts.delete(cache);
  }
}

function unpaid({ debts }: Doings): [KernelCache, number][] {
  return [...debts].flatMap(([cache, numbers]) =>
    cache.isResponsive
      ? [...numbers]
          .filter((number) => !cache.isDone(number))
          .map((number): [KernelCache, number] => [cache, number])
      : [],
  );
}
