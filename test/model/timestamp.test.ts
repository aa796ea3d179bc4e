import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compareTimestamps,
  formatTimestamp,
  parseTimestamp,
  timestampFromMs,
  timestampToDate,
  timestampToMs,
} from "../../src/model/timestamp.js";

const MOST_NSEC = 999_999_999;
const YEAR_9999_SEC = 253_402_300_799;
const YEAR_0_SEC = -62_167_219_200;

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
    [{ sec: YEAR_9999_SEC + 1, nsec: 0 }, "+010000-01-01T00:00:00.000000"],
    [{ sec: YEAR_0_SEC, nsec: 0 }, "0000-01-01T00:00:00.000000"],
    [{ sec: YEAR_0_SEC - 1, nsec: 1000 }, "-000001-12-31T23:59:59.000001"],
    // The last moment of a Date, and the next one.
    [{ sec: 8_640_000_000_000, nsec: 0 }, "+275760-09-13T00:00:00.000000"],
    [{ sec: 8_640_000_000_001, nsec: 0 }, "+275760-09-13T00:00:01.000000"],
    // As `date -u -d @9007199254740991` has it.
    [{ sec: Number.MAX_SAFE_INTEGER, nsec: 0 }, "+285428751-11-12T07:36:31.000000"],
    [{ sec: Number.MIN_SAFE_INTEGER, nsec: 0 }, "-285424812-02-20T16:23:29.000000"],
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

describe("parseTimestamp", () => {
  test("reads what formatTimestamp writes, of any time that a file can have", () => {
    const sec = fc.oneof(
      fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
      fc.integer({ min: YEAR_0_SEC * 2, max: YEAR_9999_SEC * 2 }),
    );
    const micros = fc.integer({ min: 0, max: 999_999 });
    fc.assert(
      fc.property(sec, micros, (sec, us) => {
        const moment = { sec, nsec: us * 1000 };
        expect(parseTimestamp(formatTimestamp(moment))).toEqual(moment);
      }),
    );
    for (const sec of [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]) {
      const moment = { sec, nsec: 0 };
      expect(parseTimestamp(formatTimestamp(moment))).toEqual(moment);
    }
  });

  test.each([
    ["2025-01-31T12:00:00", { sec: 1_738_324_800, nsec: 0 }],
    ["2025-01-31T12:00:00Z", { sec: 1_738_324_800, nsec: 0 }],
    ["2025-01-31T00:30:00.5+12:30", { sec: 1_738_238_400, nsec: 500_000_000 }],
    ["2024-12-31T23:00:00-02:00", { sec: 1_735_693_200, nsec: 0 }],
    ["2024-02-29T00:00:00.1234567891", { sec: 1_709_164_800, nsec: 123_456_789 }],
    ["2000-02-29T00:00:00", { sec: 951_782_400, nsec: 0 }],
    ["+002025-01-31T12:00:00", { sec: 1_738_324_800, nsec: 0 }],
    ["+012000-02-29T00:00:00", { sec: 316_521_302_400, nsec: 0 }],
  ])("%s is %j", (text, moment) => {
    expect(parseTimestamp(text)).toEqual(moment);
  });

  test.each([
    "2025-02-30T00:00:00",
    "2025-02-29T00:00:00",
    "1900-02-29T00:00:00",
    "+012001-02-29T00:00:00",
    "2025-04-31T00:00:00.000000",
    "2025-02-30T00:00:00+02:00",
    "2025-13-01T00:00:00",
    "2025-00-10T00:00:00",
    "2025-01-00T00:00:00",
    "2025-01-01T24:00:00",
    "2025-01-01T24:00:00+01:00",
    "2025-01-01T23:60:00",
    "2025-01-01T23:59:60",
    "2025-01-01T00:00:00+24:00",
    "2025-01-01T00:00:00+01:60",
    "2025-01-01T00:00:00.",
    "2025-01-01 00:00:00",
    "2025-01-01",
    "-000000-01-01T00:00:00",
    "10000-01-01T00:00:00",
    "+999999999-01-01T00:00:00",
    "soon",
    "",
  ])("'%s' is no time", (text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });
});

test.each([
  [{ sec: 1, nsec: 500_000_000 }, 1500],
  [{ sec: -1, nsec: 0 }, -1000],
  [{ sec: 8_640_000_000_000, nsec: 999_000_000 }, 8_640_000_000_000_000],
  [{ sec: Number.MAX_SAFE_INTEGER, nsec: 0 }, 8_640_000_000_000_000],
  [{ sec: Number.MIN_SAFE_INTEGER, nsec: 0 }, -8_640_000_000_000_000],
])("%o as a Date is one that there is", (time, ms) => {
  expect(timestampToDate(time).getTime()).toBe(ms);
});
