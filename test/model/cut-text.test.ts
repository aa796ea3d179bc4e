import { expect, test } from "vitest";
import { cutText } from "../../src/model/cut-text.js";

test.each([
  ["short", 10, "short"],
  ["exactly", 7, "exactly"],
  ["longer", 3, "lon"],
  ["aä", 2, "a"],
  ["aä", 3, "aä"],
  ["€€", 5, "€"],
  ["😀😀", 7, "😀"],
  ["😀", 3, ""],
  ["any", 0, ""],
])("of %j, %i bytes hold %j", (text, mostBytes, held) => {
  expect(cutText(text, mostBytes)).toBe(held);
});
