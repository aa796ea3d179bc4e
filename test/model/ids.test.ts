import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { EMPTY_HASH, isContentHash } from "../../src/model/ids.js";

test("the hash of no bytes is the known one", () => {
  expect(createHash("sha256").digest("hex")).toBe(EMPTY_HASH);
});

test("a content hash is 64 lower-case hexadecimal digits and nothing around them", () => {
  expect(isContentHash(EMPTY_HASH)).toBe(true);
  for (const text of [
    "",
    EMPTY_HASH.slice(1),
    `${EMPTY_HASH}0`,
    EMPTY_HASH.toUpperCase(),
    `g${EMPTY_HASH.slice(1)}`,
    `${EMPTY_HASH}\n`,
    ` ${EMPTY_HASH}`,
    `../${EMPTY_HASH}`,
  ]) {
    expect(isContentHash(text)).toBe(false);
  }
});
