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

  test("goes through as it is when it is somebody else's", () => {
    const error = new TypeError("the caller's own");
    expect(clientError(error, { op: "write" })).toBe(error);
  });
});
