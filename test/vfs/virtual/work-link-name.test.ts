import { describe, expect, test } from "vitest";
import type { Ino } from "../../../src/model/ids.js";
import {
  inoOfWorkLinkName,
  positionOfWorkLinkName,
  workLinkName,
} from "../../../src/vfs/virtual/work-link-name.js";

const NOW_US = 1_800_000_000_000_000;

function position(urgency: number, { createdUs = NOW_US, ino = 7, path = "/jobs/a.json" } = {}) {
  return { urgency, createdUs, ino: ino as Ino, path };
}

/** Every two neighbours differ in one part, and the later part would order them the other way. */
const IN_ORDER = [
  position(Number.MIN_SAFE_INTEGER, { ino: 9 }),
  position(-1_800_000_000_000_001),
  position(-1_800_000_000_000_000),
  position(-999_999_999),
  position(-10),
  position(-9, { createdUs: NOW_US + 1 }),
  position(-1),
  position(0, { path: "/zebra" }),
  position(1, { path: "/Äpfel" }),
  position(9, { createdUs: -5 }),
  position(9, { createdUs: 0, ino: 3 }),
  position(9, { createdUs: 1, ino: 2 }),
  position(9, { ino: 10, path: "/b" }),
  position(9, { ino: 11, path: "/a" }),
  position(9, { ino: 100, path: "/0" }),
  position(10, { createdUs: 3 }),
  position(999_999_999),
  position(Number.MAX_SAFE_INTEGER),
];

describe("the name of a work item's symlink", () => {
  const names = IN_ORDER.map(workLinkName);

  test("tells the item's place", () => {
    const places = IN_ORDER.map(({ urgency, createdUs, ino }) => ({ urgency, createdUs, ino }));
    expect(names.map(positionOfWorkLinkName)).toEqual(places);
    expect(["", "a", "1-2-3-a"].map(positionOfWorkLinkName)).toEqual(Array(3).fill(undefined));
  });

  test("sorts by bytes as the items do", () => {
    expect([...names].reverse().sort()).toEqual(names);
  });

  test.each(["en", "de", "sv", "ja", "ar"])("sorts so by the rules of %s, too", (locale) => {
    const { compare } = new Intl.Collator(locale, { ignorePunctuation: true });
    expect([...names].reverse().sort(compare)).toEqual(names);
  });

  test("tells the item", () => {
    expect(names.map(inoOfWorkLinkName)).toEqual(IN_ORDER.map(({ ino }) => ino));
  });

  test.each(["", "a.json", "10000000000000000-1", "1-1-1-a", `x${workLinkName(position(0))}`])(
    "is never '%s'",
    (name) => {
      expect(inoOfWorkLinkName(name)).toBeUndefined();
    },
  );

  test("ends with the file's own name", () => {
    expect(workLinkName(position(5))).toBe(
      "10000000000000005-11800000000000000-0000000000000007-a.json",
    );
  });

  test.each([
    "x".repeat(255),
    `x${"ä".repeat(127)}`,
    "ä".repeat(127),
    "😀".repeat(63),
    "€".repeat(85),
  ])("fits a directory entry, in whole characters, for %s", (own) => {
    const name = workLinkName(position(0, { path: `/jobs/${own}` }));
    const bytes = Buffer.byteLength(name);
    expect(bytes).toBeLessThanOrEqual(255);
    expect(bytes).toBeGreaterThan(255 - 4);
    const kept = name.slice(name.lastIndexOf("-") + 1);
    expect(own.startsWith(kept)).toBe(true);
    expect(name.isWellFormed()).toBe(true);
  });
});
