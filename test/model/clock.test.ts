import { afterEach, describe, expect, test, vi } from "vitest";
import { SystemClock, TimerScheduler } from "../../src/model/clock.js";
import { compareTimestamps, timestampToMs } from "../../src/model/timestamp.js";
import { FakeClock } from "../support/fake-clock.js";

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** A machine whose two clocks a test sets. */
function fakeMachine(wallMs: number) {
  const machine = { wallMs, monotonicMs: wallMs - performance.timeOrigin };
  vi.spyOn(Date, "now").mockImplementation(() => Math.floor(machine.wallMs));
  vi.spyOn(performance, "now").mockImplementation(() => machine.monotonicMs);
  const pass = (ms: number) => {
    machine.wallMs += ms;
    machine.monotonicMs += ms;
  };
  return { machine, pass };
}

describe("SystemClock", () => {
  test("tells the wall clock's time", () => {
    const clock = new SystemClock();
    for (let round = 0; round < 1000; round++) {
      const before = Date.now();
      const toldMs = Math.floor(timestampToMs(clock.now()));
      // However long the machine was busy with others in between.
      expect(toldMs).toBeGreaterThanOrEqual(before);
      expect(toldMs).toBeLessThanOrEqual(Date.now());
    }
  });

  test("never goes back", () => {
    const clock = new SystemClock();
    let last = clock.now();
    for (let round = 0; round < 50_000; round++) {
      const now = clock.now();
      if (compareTimestamps(now, last) < 0) expect(now).toEqual(last);
      last = now;
    }
  });

  test("tells moments apart that share a millisecond", () => {
    const { pass } = fakeMachine(2_000_000_000_000);
    const clock = new SystemClock();
    const first = clock.now();
    pass(0.25);
    expect(timestampToMs(clock.now()) - timestampToMs(first)).toBeCloseTo(0.25, 2);
  });

  test("follows a wall clock that is set forward", () => {
    const { machine, pass } = fakeMachine(2_000_000_000_000);
    const clock = new SystemClock();
    clock.now();
    machine.wallMs += 3_600_000;
    expect(timestampToMs(clock.now())).toBe(2_000_003_600_000);
    pass(10.5);
    expect(timestampToMs(clock.now())).toBeCloseTo(2_000_003_600_010.5, 2);
  });

  test("follows a wall clock that is set back", () => {
    const { machine } = fakeMachine(2_000_000_000_000);
    const clock = new SystemClock();
    clock.now();
    machine.wallMs -= 60_000;
    expect(timestampToMs(clock.now())).toBe(1_999_999_940_000);
  });

  test("stands still rather than go back when the clocks drift a little apart", () => {
    const { machine } = fakeMachine(2_000_000_000_000);
    const clock = new SystemClock();
    const first = clock.now();
    machine.monotonicMs -= 1.5;
    expect(clock.now()).toEqual(first);
  });

  test.each([1.0007, 0.9993])(
    "stays in the wall clock's millisecond, and never goes back, while the other runs %s times as fast",
    (speed) => {
      const { machine } = fakeMachine(2_000_000_000_000);
      const clock = new SystemClock();
      let last = clock.now();
      for (let step = 0; step < 30_000; step++) {
        machine.wallMs += 0.57;
        machine.monotonicMs += 0.57 * speed;
        const now = clock.now();
        expect(compareTimestamps(now, last)).toBeGreaterThanOrEqual(0);
        expect(Math.floor(timestampToMs(now))).toBe(Math.floor(machine.wallMs));
        last = now;
      }
    },
  );

  test("measures intervals on a clock that is never set", () => {
    const { machine } = fakeMachine(2_000_000_000_000);
    const clock = new SystemClock();
    const before = clock.monotonicMs();
    machine.wallMs += 1e9;
    expect(clock.monotonicMs()).toBe(before);
  });
});

describe("TimerScheduler", () => {
  test("runs a task once, when its delay is over", () => {
    vi.useFakeTimers();
    const task = vi.fn();
    new TimerScheduler().after(50, task);
    vi.advanceTimersByTime(49);
    expect(task).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1000);
    expect(task).toHaveBeenCalledTimes(1);
  });

  test("runs no task that was cancelled", () => {
    vi.useFakeTimers();
    const task = vi.fn();
    new TimerScheduler().after(50, task)();
    vi.advanceTimersByTime(1000);
    expect(task).not.toHaveBeenCalled();
  });
});

describe("FakeClock", () => {
  test("moves only when it is told to", () => {
    const clock = new FakeClock(5000);
    expect(clock.now()).toEqual({ sec: 5, nsec: 0 });
    clock.advance(1500);
    expect(clock.now()).toEqual({ sec: 6, nsec: 500_000_000 });
    expect(clock.monotonicMs()).toBe(1500);
  });

  test("runs what falls due in its order, at its time, with what that makes due", () => {
    const clock = new FakeClock(0);
    const ran: [string, number][] = [];
    const note = (name: string) => () => ran.push([name, clock.monotonicMs()]);
    clock.after(30, note("late"));
    clock.after(10, () => {
      note("early")();
      clock.after(5, note("child"));
    });
    clock.after(99, note("not yet"));
    clock.after(20, note("cancelled"))();
    clock.advance(40);
    expect(ran).toEqual([
      ["early", 10],
      ["child", 15],
      ["late", 30],
    ]);
    expect(clock.waiting).toBe(1);
  });
});

test("a delay may be longer than a timer of Node can be, or have no end", () => {
  vi.useFakeTimers();
  const scheduler = new TimerScheduler();
  const ran: string[] = [];
  const thirtyDaysMs = 30 * 24 * 60 * 60 * 1000;
  scheduler.after(thirtyDaysMs, () => ran.push("thirty days"));
  scheduler.after(Number.POSITIVE_INFINITY, () => ran.push("never"));
  const cancel = scheduler.after(2 * thirtyDaysMs, () => ran.push("cancelled"));
  vi.advanceTimersByTime(thirtyDaysMs - 1);
  expect(ran).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(ran).toEqual(["thirty days"]);
  cancel();
  vi.advanceTimersByTime(2 * thirtyDaysMs);
  expect(ran).toEqual(["thirty days"]);
});
