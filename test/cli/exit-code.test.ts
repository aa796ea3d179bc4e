import { describe, expect, test } from "vitest";
import { exitCodeOf } from "../../src/cli/exit-code.js";
import { ERROR_KINDS, type ErrorKind, NexusError } from "../../src/model/errors.js";

/** Asked wrongly, so that it will never work like this. */
const USAGE: readonly ErrorKind[] = [
  "invalid-path",
  "invalid-encoding",
  "invalid-argument",
  "name-too-long",
  "invalid-config",
];

describe("the exit code", () => {
  test.each(ERROR_KINDS)("of %s tells whether it was asked wrongly", (kind) => {
    expect(exitCodeOf(new NexusError(kind, "message"))).toBe(USAGE.includes(kind) ? 2 : 1);
  });

  test.each([[new Error("unexpected")], ["a text"], [undefined], [{ kind: "invalid-path" }]])(
    "of anything else, like %o, is 1",
    (thrown) => {
      expect(exitCodeOf(thrown)).toBe(1);
    },
  );
});
