import type { Clock } from "../../model/clock.js";
import type { Caller, Origin } from "../../model/identity.js";
import type { Ino } from "../../model/ids.js";
import type { AccessChange, Change, ChangeSource, ContentChange } from "../../vfs/changes.js";
import { type Changer, Contention } from "./contention.js";
import { Debts } from "./debts.js";
import type { KernelCache } from "./kernel-cache.js";
import { inodeOf } from "./unsent.js";

/** What one request has changed. */
interface Doings {
  readonly debts: Debts;
  /** The directories and files whose names and bytes it has changed, and other inodes. */
  readonly locked: Ino[];
  readonly changed: Ino[];
  /** Names and attributes that it has changed while its own kernel hadn't heard of all that others did. */
  readonly whileBehind: Change[];
}

/** Of which one a change is doesn't matter: no client has a kernel of its own. */
const A_CLIENT: Changer = Symbol("a client");

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
 * 2. A kernel is told of a change when the answers that were held back from it before, and keep the same locked, are
 *    out. Not of those that are held back later: they wait for nothing that comes after them.
 * 3. The locks of one kernel chain: who waits for one keeps others. Of that we can't know. So where a
 *    kernel takes no notification for 100 ms, the answers that are held back from it go out, and none is held back
 *    until it goes on. Each ring passes through such a kernel.
 *
 * A kernel changes by itself what it asks for, and goes by the entries that it has: after a rename it takes
 * the new name to lead to where the old one did in its eyes. If that wasn't so any more, and it only hadn't heard
 * of it yet, it has to forget the new name, too.
 */
export class Coherence {
  readonly #caches = new Map<symbol, KernelCache>();
  readonly #doings = new WeakMap<Origin, Doings>();
  /** Of a client: of all that it asks for. */
  readonly #debts = new WeakMap<Caller, Debts>();
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
    return this.hasSeveral && this.#contention.has(directory);
  }

  /**
   * Calls `answer` when what this caller has changed so far is forgotten by all others, and never before it
   * returns. Returns false, and calls nothing, when it is forgotten already or can't be waited for. `granted` are
   * the inodes that the kernel learns of by the answer.
   */
  whenForgotten(
    caller: Caller,
    { granted = [], answer }: { readonly granted?: readonly Ino[]; readonly answer: () => void },
  ): boolean {
    const { origin } = caller;
    // It may do several things at once, and each of them waits for what was changed before its end.
    if (origin === undefined) return this.#debts.get(caller)?.whenPaid(answer) ?? false;
    const doings = this.#doings.get(origin);
    const cache = this.#caches.get(origin.mount);
    if (doings === undefined || cache === undefined) return false;
    this.#doings.delete(origin);
    forgetTooIfMistaken(cache, doings.whileBehind);
    if (doings.debts.arePaid || cache.isOverdue) return false;
    const subject = {
      locked: [origin.node, ...doings.locked, ...granted],
      changed: doings.changed,
      pages: origin.pages === "locked" ? origin.node : undefined,
    };
    if (cache.needsLockOf(subject)) return false;
    let isOut = false;
    const letGo = () => {
      if (isOut) return;
      isOut = true;
      answer();
      cache.releaseAnswer(number);
    };
    const number = cache.holdAnswer(subject, letGo);
    return doings.debts.whenPaid(letGo);
  }

  #tell(change: Change, by: Caller | undefined): void {
    const changer = by && (by.origin?.mount ?? A_CLIENT);
    for (const [mount, cache] of this.#caches) {
      const isOwn = mount === changer;
      if (isOwn && !(isPastPages(change, by) && cache.isMistakenPastPages(change.ino))) continue;
      const number = isOwn ? cache.forgetOwn(change) : cache.forget(change);
      // Or whoever reads would have answers held back.
      if (change.kind === "access") continue;
      if (number !== undefined && by !== undefined) this.#debtsOf(by).add(cache, number);
    }
    if (changer === undefined || change.kind === "access") return;
    if (change.kind === "entry" && this.hasSeveral) this.#contention.note(change.parent, changer);
    if (by?.origin !== undefined) this.#noteDoing(by.origin, change);
  }

  #noteDoing(origin: Origin, change: Exclude<Change, AccessChange>): void {
    const isBehind = this.#caches.get(origin.mount)?.isBehind;
    if (!isBehind && !this.hasSeveral) return;
    const { locked, changed, whileBehind } = this.#doingsOf(origin);
    (change.kind === "attributes" ? changed : locked).push(inodeOf(change));
    if (isBehind && change.kind !== "content") whileBehind.push(change);
  }

  #doingsOf(origin: Origin): Doings {
    let doings = this.#doings.get(origin);
    if (doings === undefined) {
      doings = { debts: new Debts(), locked: [], changed: [], whileBehind: [] };
      this.#doings.set(origin, doings);
    }
    return doings;
  }

  #debtsOf(by: Caller): Debts {
    if (by.origin !== undefined) return this.#doingsOf(by.origin).debts;
    let debts = this.#debts.get(by);
    if (debts === undefined) {
      debts = new Debts();
      this.#debts.set(by, debts);
    }
    return debts;
  }
}

/** Whether even the kernel that asked may have to forget pages, because it didn't put the bytes there. */
function isPastPages(change: Change, by: Caller | undefined): change is ContentChange {
  return change.kind === "content" && by?.origin?.pages === "passed";
}

/**
 * What a kernel has done by an entry that it had to forget, it has done to something else. It is told before it has
 * the answer: the notification waits for the lock that it keeps until then. What concerns attributes alone goes by
 * the inode, and can't be mistaken.
 */
function forgetTooIfMistaken(cache: KernelCache, changes: readonly Change[]): void {
  if (!changes.some((change) => change.kind === "entry" && cache.isForgetting(change))) return;
  for (const change of changes) cache.forgetOwn(change);
}
