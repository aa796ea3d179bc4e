import { describe, expect, test } from "vitest";
import { PathIdSource } from "../../src/model/path-id.js";

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const MANY = 100_000;

/** The time that an id carries: RFC 9562, the leading 48 bits. */
function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

describe("PathIdSource", () => {
  test("makes UUIDs of version 7", () => {
    const source = new PathIdSource();
    for (let index = 0; index < 2000; index++) {
      expect(source.next(1_893_456_000_000)).toMatch(UUID_V7);
    }
  });

  test("puts the time in front, in whole milliseconds", () => {
    const source = new PathIdSource();
    for (const ms of [0, 1, 1_893_456_000_123, 2 ** 48 - 1]) {
      expect(timeOf(source.next(ms))).toBe(ms);
    }
    expect(timeOf(source.next(1234.987))).toBe(1234);
  });

  test("makes ids that sort by time as text", () => {
    const source = new PathIdSource();
    const ids = Array.from({ length: 1000 }, (_, index) => source.next(1_893_456_000_000 + index));
    expect([...ids].sort()).toEqual(ids);
  });

  test("never makes the same id twice, also within a millisecond and from two sources", () => {
    const sources = [new PathIdSource(), new PathIdSource()];
    const ids = new Set<string>();
    for (let index = 0; index < MANY / 2; index++) {
      for (const source of sources) ids.add(source.next(1_893_456_000_000));
    }
    expect(ids.size).toBe(MANY);
  });

  test("varies each of its random bits", () => {
    const source = new PathIdSource();
    const random = Array.from({ length: 1000 }, () =>
      BigInt(`0x${source.next(0).replaceAll("-", "").slice(12)}`),
    );
    const everSet = random.reduce((bits, id) => bits | id, 0n);
    const alwaysSet = random.reduce((bits, id) => bits & id, (1n << 80n) - 1n);
    // 4 bits of version and 2 of variant stand still; 74 don't.
    expect(everSet ^ alwaysSet).toBe(0x0fff_3fff_ffff_ffff_ffffn);
  });
});
