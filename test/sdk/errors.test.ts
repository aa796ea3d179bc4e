import { describe, expect, test } from "vitest";
import { ERROR_KINDS, NexusError } from "../../src/model/errors.js";
import { clientError, FileExistsError, FileNotFoundError } from "../../src/sdk/errors.js";

describe("an error of a client", () => {
  test.each(ERROR_KINDS)("of kind %s is a NexusError of that kind, with its cause", (kind) => {
    const cause = new NexusError(kind, "what is wrong");
    const error = clientError(cause, { op: "read", path: "/a" }) as NexusError;
    expect(error).toBeInstanceOf(NexusError);
    expect(error).toMatchObject({
      kind,
      op: "read",
      path: "/a",
      message: "/a: what is wrong",
      cause,
    });
    expect(error.name).toBe(error.constructor.name);
  });

  test("names what was asked for, also when a directory on the way is missing", () => {
    const cause = new NexusError("not-found", "there is no directory /a", { path: "/a" });
    const error = clientError(cause, { op: "read", path: "/a/b" });
    expect(error).toBeInstanceOf(FileNotFoundError);
    expect(error).toMatchObject({ path: "/a/b", message: "/a/b: there is no directory /a" });
  });

  test("names the other path when the trouble is there, and the path that it says once", () => {
    const cause = new NexusError("already-exists", "/to exists already", { path: "/to" });
    const error = clientError(cause, { op: "move", path: "/from" });
    expect(error).toBeInstanceOf(FileExistsError);
    expect(error).toMatchObject({ path: "/to", message: "/to exists already" });
  });

  test("has the whole path in place of the name that is known deep inside", () => {
    const cause = new NexusError("precondition-failed", "'q' doesn't exist", { path: "q" });
    const error = clientError(cause, { op: "write", path: "/a/q" });
    expect(error).toMatchObject({ path: "/a/q", message: "/a/q doesn't exist" });
    const elsewhere = clientError(cause, { op: "write", path: "/a/bq" });
    expect(elsewhere).toMatchObject({ message: "/a/bq: 'q' doesn't exist" });
  });

  test("says what is wrong with a path that is no text", () => {
    const cause = new NexusError("invalid-path", "a path must be a text, not number");
    const error = clientError(cause, { op: "read", path: 5 as unknown as string });
    expect(error).toMatchObject({ kind: "invalid-path", path: undefined, message: cause.message });
  });

  test("goes through as it is when it is somebody else's", () => {
    const error = new TypeError("the caller's own");
    expect(clientError(error, { op: "write" })).toBe(error);
  });
});
