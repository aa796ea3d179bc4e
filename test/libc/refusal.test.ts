import { expect, test } from "vitest";
import { failureFields } from "../../src/daemon/failure-fields.js";
import { refusal } from "../../src/libc/refusal.js";
import { NexusError } from "../../src/model/errors.js";

test.each([
  ["EACCES", "access-denied", "permission denied"],
  ["EROFS", "read-only", "its file system is read-only"],
  ["EEXIST", "already-exists", "a part of its path is not a directory"],
  ["ENOSPC", "no-space", "its disk is full"],
  ["EIO", "io-failure", "EIO"],
])("%s is told in words, with what to do", (code, kind, words) => {
  const error = Object.assign(new Error("raw"), { code });
  const place = { what: "the log /l can't be written", advice: "choose another", path: "/l" };
  expect(refusal(error, place)).toMatchObject({
    kind,
    message: `the log /l can't be written: ${words}; choose another`,
    path: "/l",
    cause: error,
  });
});

test("what somebody can mend is logged without a stack, and a fault with it", () => {
  const mendable = new NexusError("in-use", "it is in use");
  expect(failureFields(mendable)).toStrictEqual({ reason: "it is in use" });
  for (const fault of [new NexusError("corrupt", "it is torn"), new Error("a slip"), "text"]) {
    expect(failureFields(fault)).toStrictEqual({ err: fault });
  }
});
