import { describe, expect, test } from "vitest";
import { type Creditor, Debts } from "../../../src/fuse/invalidation/debts.js";

/** A kernel that has heard of a change when the test says so. */
class Hearing implements Creditor {
  isResponsive = true;
  readonly #waiting = new Map<number, () => void>();

  isDone(number: number): boolean {
    return number === 0;
  }

  whenDone(number: number, then: () => void): void {
    this.#waiting.set(number, then);
  }

  hear(number: number): void {
    this.#waiting.get(number)?.();
  }
}

function owing(...numbers: readonly number[]) {
  const kernel = new Hearing();
  const debts = new Debts();
  for (const number of numbers) debts.add(kernel, number);
  return { kernel, debts, add: (number: number) => debts.add(kernel, number) };
}

describe("debts", () => {
  test("are paid when the kernel has heard of all of them, in whatever order", () => {
    const { kernel, debts } = owing(1, 2, 3);
    let isPaid = false;
    const then = () => {
      isPaid = true;
    };
    expect([debts.arePaid, debts.whenPaid(then)]).toEqual([false, true]);
    for (const number of [3, 1]) kernel.hear(number);
    expect(isPaid).toBe(false);
    kernel.hear(2);
    expect([isPaid, debts.arePaid, debts.whenPaid(then)]).toEqual([true, true, false]);
  });

  test("are for each who waits those that were made until then", () => {
    const { kernel, debts, add } = owing(1);
    const paid: string[] = [];
    debts.whenPaid(() => paid.push("first"));
    debts.whenPaid(() => paid.push("with it"));
    add(2);
    debts.whenPaid(() => paid.push("second"));
    add(3);
    kernel.hear(2);
    expect(paid).toEqual([]);
    kernel.hear(1);
    expect(paid).toEqual(["first", "with it", "second"]);
    expect(debts.arePaid).toBe(false);
  });

  test("aren't made to a kernel that takes nothing, nor for what it has heard", () => {
    const { kernel, debts, add } = owing(0);
    kernel.isResponsive = false;
    add(1);
    expect(debts.arePaid).toBe(true);
  });
});
