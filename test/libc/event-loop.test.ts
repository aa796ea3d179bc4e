import { stat } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { PollSet } from "../../src/libc/device.js";
import { EventLoop } from "../../src/libc/event-loop.js";

const LIMIT_MS = 5000;

function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("the event loop's descriptor", () => {
  test("is the same each time, on the same thread", () => {
    expect(EventLoop.current().fd).toBe(EventLoop.current().fd);
    expect(EventLoop.current().fd).toBeGreaterThan(2);
  });

  test("becomes readable when the thread pool has a result, and quiet when that was taken", async () => {
    const { fd } = EventLoop.current();
    const set = new PollSet();
    set.add(fd);
    const settle = async () => {
      for (let turn = 0; turn < 1000 && set.wait(0) > 0; turn++) await turnOfTheLoop();
      return set.wait(0);
    };
    await turnOfTheLoop();
    expect(await settle()).toBe(0);
    let isDone = false;
    const result = stat("/").then(() => {
      isDone = true;
    });
    // This thread sleeps here, so nothing else can take the result.
    expect(set.wait(LIMIT_MS)).toBe(1);
    expect(set.isReady(fd)).toBe(true);
    expect(isDone).toBe(false);
    await result;
    expect(await settle()).toBe(0);
  });
});
