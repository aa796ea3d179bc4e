import { expect, test } from "vitest";
import { ascending } from "../../../src/storage/metadata/operations/ascending.js";

const rows = (...hashes: readonly string[]) => hashes.map((hash) => ({ hash }));

test.each([
  ["in order", ["b", "c", "d"], 3],
  ["none", [], 0],
  ["the last page again", ["a"], 0],
  ["what leads back", ["b", "c", "A"], 2],
  ["what leads back at once", ["A", "b"], 0],
  ["the same twice", ["b", "b"], 1],
  ["what comes after what leads back", ["b", "A", "c"], 1],
])("a page of hashes after a is taken as far as it is in order: %s", (_, hashes, taken) => {
  expect(ascending(rows(...hashes), "a")).toStrictEqual(rows(...hashes.slice(0, taken)));
});
