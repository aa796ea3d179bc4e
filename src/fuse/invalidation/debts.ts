import type { KernelCache } from "./kernel-cache.js";

/** A kernel, as far as one can wait for it. */
export type Creditor = Pick<KernelCache, "isResponsive" | "isDone" | "whenDone">;

/** What some kernels have to hear of before the one who changed it gets an answer. */
export class Debts {
  /** By number, in the order in which they were made. */
  readonly #open = new Set<number>();
  #last = 0;
  /** All up to this one are paid. */
  #paidUpTo = 0;
  readonly #waiting: { readonly upTo: number; readonly then: () => void }[] = [];

  /** A kernel has to hear of the change with this number; one that takes nothing isn't waited for. */
  add(cache: Creditor, number: number): void {
    if (!cache.isResponsive || cache.isDone(number)) return;
    const debt = ++this.#last;
    this.#open.add(debt);
    cache.whenDone(number, () => this.#pay(debt));
  }

  get arePaid(): boolean {
    return this.#open.size === 0;
  }

  /**
   * Calls `then` when those that were made until now are paid, and never before it returns. Returns false, and calls
   * nothing, when they are.
   */
  whenPaid(then: () => void): boolean {
    if (this.arePaid) return false;
    this.#waiting.push({ upTo: this.#last, then });
    return true;
  }

  #pay(debt: number): void {
    this.#open.delete(debt);
    while (this.#paidUpTo < this.#last && !this.#open.has(this.#paidUpTo + 1)) this.#paidUpTo += 1;
    const stillWaits = this.#waiting.findIndex(({ upTo }) => upTo > this.#paidUpTo);
    const paid = stillWaits < 0 ? this.#waiting.length : stillWaits;
    for (const { then } of this.#waiting.splice(0, paid)) then();
  }
}
