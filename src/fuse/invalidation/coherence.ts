import type { Caller, Origin } from "../../model/identity.js";
import type { Change, ChangeSource } from "../../vfs/changes.js";
import type { KernelCache } from "./kernel-cache.js";

/** What a caller has changed that some kernel may not have forgotten yet: up to which number, of each. */
type Debts = Map<KernelCache, number>;

/**
 * Keeps the kernels of several mounts of one store from telling what isn't so any more. What is changed
 * through one mount, or by a client, is forgotten by all others before the answer to that change goes out.
 *
 * While an answer is held back, the kernel that waits for it keeps the directory locked, and the notification
 * for another change there waits for that lock. Two mounts that change the same directory at the same time
 * would wait for each other for ever. So nobody waits for a mount that has answers held back: of any ring
 * of mounts that wait for each other, the one that came last doesn't. Its change is then told as soon as the
 * lock is free, which is when the other answer is out.
 *
 * A kernel changes by itself what it asks for, and goes by the entries that it has: after a rename it takes
 * the new name to lead to where the old one did in its eyes. If that wasn't so any more, and it only hadn't heard
 * of it yet, it has to forget the new name, too.
 */
export class Coherence {
  readonly #caches = new Map<symbol, KernelCache>();
  /** By the request; all that a client asks for is one. */
  readonly #debts = new WeakMap<Origin | Caller, Debts>();
  /** What a request has changed whose own kernel hasn't heard of all that others did. */
  readonly #own = new WeakMap<Origin, Change[]>();

  constructor({ changes }: { changes: ChangeSource }) {
    changes.subscribe((change, by) => this.#tell(change, by));
  }

  /** From now on the mount's kernel hears of what others change. */
  join(mount: symbol, cache: KernelCache): void {
    this.#caches.set(mount, cache);
  }

  leave(mount: symbol): void {
    this.#caches.delete(mount);
  }

  /**
   * Calls `then` when what this caller has changed so far is forgotten by all others, and never before it
   * returns. Returns false, and calls nothing, when it is forgotten already or nobody should wait for it.
   */
  whenForgotten(caller: Caller, then: () => void): boolean {
    if (caller.origin !== undefined) this.#correct(caller.origin);
    const asked = caller.origin ?? caller;
    const debts = this.#debts.get(asked);
    if (debts === undefined) return false;
    // Nobody waits for a client, which keeps no directory locked.
    const isClient = caller.origin === undefined;
    // It may do several things at once, and each of them waits for what was changed before its end.
    if (isClient) dropPaid(debts);
    else this.#debts.delete(asked);
    const open = [...debts].filter(([cache, number]) => {
      const mayWait = isClient || !cache.hasHeldAnswers;
      return mayWait && cache.isResponsive && !cache.isDone(number);
    });
    if (open.length === 0) return false;
    const own = caller.origin && this.#caches.get(caller.origin.mount);
    const answer = own?.holdAnswer();
    let left = open.length;
    for (const [cache, number] of open) {
      cache.whenDone(number, () => {
        left -= 1;
        if (left > 0) return;
        then();
        if (answer !== undefined) own?.releaseAnswer(answer);
      });
    }
    return true;
  }

  #tell(change: Change, by: Caller | undefined): void {
    for (const [mount, cache] of this.#caches) {
      if (by?.origin !== undefined && mount === by.origin.mount) {
        if (cache.isBehind && change.kind !== "content") this.#noteOwn(by.origin, change);
        continue;
      }
      const number = cache.forget(change);
      // Or whoever reads would have answers held back, and others' changes wouldn't wait for that mount.
      if (change.kind === "access") continue;
      if (number !== undefined && by !== undefined) this.#note(by.origin ?? by, cache, number);
    }
  }

  #noteOwn(origin: Origin, change: Change): void {
    const own = this.#own.get(origin);
    if (own === undefined) this.#own.set(origin, [change]);
    else own.push(change);
  }

  /** Before the answer: the notification waits for the lock that the kernel keeps until it has that. */
  #correct(origin: Origin): void {
    const own = this.#own.get(origin);
    if (own === undefined) return;
    this.#own.delete(origin);
    const cache = this.#caches.get(origin.mount);
    if (cache === undefined || !own.some((change) => cache.isForgetting(change))) return;
    for (const change of own) cache.forget(change);
  }

  #note(asked: Origin | Caller, cache: KernelCache, number: number): void {
    const debts = this.#debts.get(asked) ?? new Map<KernelCache, number>();
    debts.set(cache, Math.max(number, debts.get(cache) ?? 0));
    this.#debts.set(asked, debts);
  }
}

function dropPaid(debts: Debts): void {
  for (const [cache, number] of debts) if (cache.isDone(number)) debts.delete(cache);
}
