import { describe, expect, test } from "vitest";
import { KeyedQueue } from "../../../src/fuse/invalidation/keyed-queue.js";

function takeAll(queue: KeyedQueue<number>): number[] {
  const taken: number[] = [];
  for (let first = queue.first(); first !== undefined; first = queue.first()) {
    queue.removeFirst();
    taken.push(first);
  }
  return taken;
}

describe("a keyed queue", () => {
  test("gives what came first, and what was put again where it was", () => {
    const queue = new KeyedQueue<number>();
    queue.set("a", 1);
    queue.set("b", 2);
    queue.set("a", 3);
    expect([queue.get("a"), queue.get("c"), queue.size]).toEqual([3, undefined, 2]);
    expect(takeAll(queue)).toEqual([3, 2]);
    expect([queue.get("a"), queue.size]).toEqual([undefined, 0]);
  });

  test("takes last what was there before", () => {
    const queue = new KeyedQueue<number>();
    for (const [key, value] of [..."abc"].entries()) queue.set(value, key);
    queue.removeFirst();
    queue.set("a", 9);
    expect(takeAll(queue)).toEqual([1, 2, 9]);
  });

  test("keeps its order however much goes in and out, and is empty afterwards", () => {
    const queue = new KeyedQueue<number>();
    const taken: number[] = [];
    for (let value = 0; value < 1000; value++) {
      queue.set(`${value}`, value);
      const first = value % 3 === 0 ? queue.first() : undefined;
      if (first === undefined) continue;
      queue.removeFirst();
      taken.push(first);
    }
    expect([...taken, ...takeAll(queue)]).toEqual(Array.from({ length: 1000 }, (_, at) => at));
    queue.removeFirst();
    expect(queue.size).toBe(0);
  });

  test("forgets all of it", () => {
    const queue = new KeyedQueue<number>();
    queue.set("a", 1);
    queue.clear();
    queue.set("b", 2);
    expect([queue.get("a"), ...takeAll(queue)]).toEqual([undefined, 2]);
  });
});
