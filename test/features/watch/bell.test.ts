import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { Bell } from "../../../src/features/watch/bell.js";

function bells() {
  const [signal, closing] = [new AbortController(), new AbortController()];
  const bell = new Bell({ signal: signal.signal, closing: closing.signal });
  return { bell, signal, closing };
}

/** Whether it sleeps on. */
async function isAsleep(waiting: Promise<unknown>): Promise<boolean> {
  const awake = waiting.then(() => "awake");
  return (await Promise.race([awake, new Promise(setImmediate)])) !== "awake";
}

test("a ring wakes the sleeper, and once for many", async () => {
  const { bell } = bells();
  const first = bell.rung();
  expect(await isAsleep(first)).toBe(true);
  bell.ring();
  bell.ring();
  await first;
  expect(await isAsleep(bell.rung())).toBe(true);
});

test("a ring while nobody slept counts", async () => {
  const { bell } = bells();
  bell.ring();
  await bell.rung();
});

test("what ends it is said, and leaves no listeners behind", async () => {
  const { bell, signal, closing } = bells();
  const waiting = bell.rung();
  bell.ring();
  await waiting;
  for (const { signal: each } of [signal, closing]) {
    expect(getEventListeners(each, "abort")).toStrictEqual([]);
  }
  const closed = expect(bell.rung()).rejects.toMatchObject({ kind: "closed" });
  closing.abort();
  await closed;
  signal.abort();
  await expect(bell.rung()).rejects.toMatchObject({ kind: "interrupted" });
});
