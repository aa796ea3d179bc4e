import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { EMPTY_HASH } from "../../src/model/ids.js";

test("the hash of no bytes is the known one", () => {
  expect(createHash("sha256").digest("hex")).toBe(EMPTY_HASH);
});
