import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compareTimestamps,
  formatTimestamp,
  timestampFromMs,
  timestampToMs,
} from "../../src/model/timestamp.js";

const MOST_NSEC = 999_999_999;
const YEAR_9999_SEC = 253_402_300_799;

describe("milliseconds", () => {
  test.each([
    [0, { sec: 0, nsec: 0 }],
    [1, { sec: 0, nsec: 1_000_000 }],
    [1500.25, { sec: 1, nsec: 500_250_000 }],
    [-1, { sec: -1, nsec: 999_000_000 }],
    [-1000, { sec: -1, nsec: 0 }],
    [-1500.5, { sec: -2, nsec: 499_500_000 }],
    [Date.UTC(2030, 0, 1), { sec: 1_893_456_000, nsec: 0 }],
  ])("%d is %j, and back", (ms, timestamp) => {
    expect(timestampFromMs(ms)).toEqual(timestamp);
    expect(timestampToMs(timestamp)).toBe(ms);
  });

  test("survive the round trip to the microsecond, before and after the epoch", () => {
    const micros = fc.integer({ min: -1e15, max: 4e15 });
    fc.assert(
      fc.property(micros, (us) => {
        const { sec, nsec } = timestampFromMs(us / 1000);
        expect(Number.isInteger(sec) && Number.isInteger(nsec)).toBe(true);
        expect(nsec).toBeGreaterThanOrEqual(0);
        expect(nsec).toBeLessThanOrEqual(MOST_NSEC);
        expect(Math.round(timestampToMs({ sec, nsec }) * 1000)).toBe(us);
      }),
    );
  });

  test("never round up to a whole second of nanoseconds", () => {
    expect(timestampFromMs(1999.999_999_9)).toEqual({ sec: 1, nsec: MOST_NSEC });
    expect(timestampFromMs(-1e-7).nsec).toBeLessThanOrEqual(MOST_NSEC);
  });
});

describe("compareTimestamps", () => {
  test("orders by seconds, then by nanoseconds, across the epoch", () => {
    const ordered = [
      { sec: -2, nsec: MOST_NSEC },
      { sec: -1, nsec: 0 },
      { sec: -1, nsec: 1 },
      { sec: 0, nsec: 0 },
      { sec: 0, nsec: MOST_NSEC },
      { sec: 1, nsec: 0 },
    ];
    expect([...ordered].reverse().sort(compareTimestamps)).toEqual(ordered);
    expect(compareTimestamps({ sec: 5, nsec: 7 }, { sec: 5, nsec: 7 })).toBe(0);
  });
});

describe("formatTimestamp", () => {
  test.each([
    [{ sec: 0, nsec: 0 }, "1970-01-01T00:00:00.000000"],
    [{ sec: 1_893_456_000, nsec: 1_999 }, "2030-01-01T00:00:00.000001"],
    [{ sec: 1_893_456_000, nsec: MOST_NSEC }, "2030-01-01T00:00:00.999999"],
    [{ sec: -1, nsec: 500_000_000 }, "1969-12-31T23:59:59.500000"],
    [{ sec: YEAR_9999_SEC, nsec: 0 }, "9999-12-31T23:59:59.000000"],
  ])("writes %j as %s", (timestamp, text) => {
    expect(formatTimestamp(timestamp)).toBe(text);
  });

  test("keeps the order of time in the order of text", () => {
    const sec = fc.integer({ min: -62_135_596_800, max: YEAR_9999_SEC });
    const moment = fc.record({ sec, nsec: fc.integer({ min: 0, max: MOST_NSEC }) });
    fc.assert(
      fc.property(moment, moment, (a, b) => {
        const [earlier, later] = compareTimestamps(a, b) <= 0 ? [a, b] : [b, a];
        expect(formatTimestamp(earlier) <= formatTimestamp(later)).toBe(true);
      }),
    );
  });
});
