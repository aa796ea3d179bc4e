import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync } from "node:fs";
import { constants } from "node:os";
import { describe, expect, test } from "vitest";
import { PollSet, read, setNonBlocking, write } from "../../src/libc/device.js";
import { kindOf } from "../support/error-kind.js";
import { connection } from "./descriptors.js";

const { EAGAIN, EBADF, EPIPE } = constants.errno;

function send(fd: number, text: string): void {
  expect(write(fd, { from: Buffer.from(text), length: text.length })).toBe(text.length);
}

describe("read and write", () => {
  test("answer how many bytes, and touch no others", () => {
    const [a, b] = connection();
    expect(write(a, { from: Buffer.from("abcdef"), length: 3 })).toBe(3);
    const into = Buffer.from("......");
    expect(read(b, into)).toBe(3);
    expect(into.toString()).toBe("abc...");
  });

  test("answer minus the errno instead of throwing", () => {
    const [a, b] = connection();
    setNonBlocking(a);
    expect(read(a, Buffer.alloc(1))).toBe(-EAGAIN);
    expect(read(-1, Buffer.alloc(1))).toBe(-EBADF);
    closeSync(b);
    expect(read(a, Buffer.alloc(1))).toBe(0);
    expect(write(a, { from: Buffer.from("x"), length: 1 })).toBe(-EPIPE);
    expect(write(-1, { from: Buffer.from("x"), length: 1 })).toBe(-EBADF);
  });
});

test("setNonBlocking fails for what isn't open", () => {
  expect(kindOf(() => setNonBlocking(-1))).toBe("bad-handle");
});

describe("a set of descriptors", () => {
  test("tells which of them has something to read", () => {
    const [a, b] = connection();
    const [c, d] = connection();
    const set = new PollSet();
    set.add(a);
    set.add(c);
    expect(set.wait(0)).toBe(0);
    expect([set.isReady(a), set.isReady(c)]).toEqual([false, false]);
    send(d, "x");
    expect(set.wait(-1)).toBe(1);
    expect([set.isReady(a), set.isReady(c)]).toEqual([false, true]);
    send(b, "x");
    expect(set.wait(-1)).toBe(2);
    read(c, Buffer.alloc(1));
    expect(set.wait(-1)).toBe(1);
    expect([set.isReady(a), set.isReady(c)]).toEqual([true, false]);
  });

  test("waits for longer than an int of milliseconds can say", async () => {
    const [ours, theirs] = connection();
    const set = new PollSet();
    set.add(ours);
    // 2^32 would be 0, and over before the child has begun.
    const stdio = ["ignore", "ignore", "ignore", theirs] as const;
    const child = spawn("sh", ["-c", "printf x >&3"], { stdio: [...stdio] });
    expect(set.wait(2 ** 32)).toBe(1);
    // Its end is a signal, which would end the wait of another test.
    await once(child, "exit");
  });

  test("forgets the ones that are taken out, and keeps the others in order", () => {
    const pairs = [connection(), connection(), connection()] as const;
    const set = new PollSet();
    for (const [ours] of pairs) set.add(ours);
    for (const [, theirs] of pairs) send(theirs, "x");
    set.remove(pairs[1][0]);
    expect(set.wait(0)).toBe(2);
    expect(pairs.map(([ours]) => set.isReady(ours))).toEqual([true, false, true]);
    set.remove(99_999);
    expect(set.wait(0)).toBe(2);
  });

  test("counts a hang-up and a closed descriptor as something to look at", () => {
    const [a, b] = connection();
    const [c] = connection();
    const set = new PollSet();
    set.add(a);
    set.add(c);
    closeSync(b);
    closeSync(c);
    expect(set.wait(-1)).toBe(2);
    expect([set.isReady(a), set.isReady(c)]).toEqual([true, true]);
  });

  test("waits no longer than it is told", () => {
    const set = new PollSet();
    const before = performance.now();
    expect(set.wait(20)).toBe(0);
    expect(performance.now() - before).toBeGreaterThanOrEqual(19);
  });
});
