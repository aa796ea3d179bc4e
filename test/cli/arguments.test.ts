import { InvalidArgumentError } from "commander";
import { describe, expect, test } from "vitest";
import {
  parseAmount,
  parseCount,
  parseDuration,
  parseMoment,
  parseWhole,
} from "../../src/cli/arguments.js";

describe("a value on the command line", () => {
  test.each([
    [parseCount, "1", 1],
    [parseCount, "250", 250],
    [parseAmount, "0", 0],
    [parseWhole, "-5", -5],
    [parseDuration, "500ms", 500],
    [parseDuration, "90s", 90_000],
    [parseDuration, "1.5h", 5_400_000],
    [parseDuration, "2d", 172_800_000],
  ])("%o reads %s as %d", (parse, text, value) => {
    expect(parse(text)).toBe(value);
  });

  test.each([
    ["2026-01-31", "2026-01-31T00:00:00.000Z"],
    ["2026-01-31T12:30:05.123456", "2026-01-31T12:30:05.123Z"],
    ["2026-01-31 12:30", "2026-01-31T12:30:00.000Z"],
    ["2026-01-31T12:30:05Z", "2026-01-31T12:30:05.000Z"],
    ["2026-01-31T12:30:05+02:00", "2026-01-31T10:30:05.000Z"],
  ])("the moment %s is UTC unless it says otherwise: %s", (text, moment) => {
    expect(parseMoment(text).toISOString()).toBe(moment);
  });

  test.each([
    ...["0", "-1", "1.5", "", "x", "1e3", " 1"].map((text) => [parseCount, text] as const),
    ...["-1", "x"].map((text) => [parseAmount, text] as const),
    ...["1.5", "", "--1"].map((text) => [parseWhole, text] as const),
    ...["5", "0s", "5 m", "m", "-5m", "1w", "/jobs/a"].map(
      (text) => [parseDuration, text] as const,
    ),
    ...["yesterday", "2026-13-01", "2026-1-1", "12:00"].map((text) => [parseMoment, text] as const),
  ])("%o refuses %j", (parse, text) => {
    expect(() => parse(text)).toThrow(InvalidArgumentError);
  });
});
