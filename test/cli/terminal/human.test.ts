import { describe, expect, test } from "vitest";
import {
  counted,
  humanClock,
  humanSize,
  humanSpan,
  humanTime,
} from "../../../src/cli/terminal/human.js";

describe("for people", () => {
  test.each([
    [0, "0"],
    [1023, "1023"],
    [1024, "1.0K"],
    [1025, "1.1K"],
    [10 * 1024 - 1, "10K"],
    [1024 * 1024, "1.0M"],
    [1024 * 1024 - 1, "1024K"],
    [5 * 1024 ** 3, "5.0G"],
    [3000 * 1024 ** 5, "3000P"],
  ])("%d bytes are %s", (bytes, text) => {
    expect(humanSize(bytes)).toBe(text);
  });

  test.each([
    [0, "now"],
    [45_000, "45s"],
    [-45_000, "45s"],
    [300_000, "5m"],
    [3 * 3_600_000, "3h"],
    [12 * 86_400_000, "12d"],
  ])("%d ms are %s", (ms, text) => {
    expect(humanSpan(ms)).toBe(text);
  });

  test("a date has the time of day within six months, and the year otherwise", () => {
    const now = new Date(2026, 5, 15, 12, 0);
    expect(humanTime(new Date(2026, 5, 5, 9, 7), now)).toBe("Jun  5 09:07");
    expect(humanTime(new Date(2025, 10, 15, 9, 7), now)).toBe("Nov 15  2025");
    expect(humanTime(new Date(2026, 6, 1), now)).toBe("Jul  1  2026");
  });

  test("the time of day is one to the second", () => {
    expect(humanClock(new Date(2026, 5, 5, 9, 7, 3))).toBe("09:07:03");
  });

  test("a number says what it counts", () => {
    expect([counted(1, "file"), counted(0, "directory"), counted(12_345, "file")]).toStrictEqual([
      ...["1 file", "0 directories", "12,345 files"],
    ]);
  });
});
