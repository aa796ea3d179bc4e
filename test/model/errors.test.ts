import { describe, expect, test } from "vitest";
import { ERROR_KINDS, isKind, messageOf, NexusError } from "../../src/model/errors.js";

describe("NexusError", () => {
  test("carries its kind, what failed, on what and why", () => {
    const cause = new Error("disk on fire");
    const error = new NexusError("io-failure", "can't write", { op: "write", path: "/a", cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: "NexusError",
      kind: "io-failure",
      message: "can't write",
      op: "write",
      path: "/a",
      cause,
    });
  });

  test("has no cause when none is given", () => {
    const error = new NexusError("not-found", "gone");
    expect(Object.hasOwn(error, "cause")).toBe(false);
    expect(error).toMatchObject({ op: undefined, path: undefined });
  });

  test("has a closed list of kinds, each once", () => {
    expect(new Set(ERROR_KINDS).size).toBe(ERROR_KINDS.length);
  });
});

describe("isKind", () => {
  test("is true of a NexusError of that kind alone", () => {
    expect(isKind(new NexusError("busy", "x"), "busy")).toBe(true);
    expect(isKind(new NexusError("stale", "x"), "busy")).toBe(false);
    for (const other of [new Error("busy"), { kind: "busy" }, "busy", undefined, null]) {
      expect(isKind(other, "busy")).toBe(false);
    }
  });
});

describe("messageOf", () => {
  test.each([
    [new NexusError("busy", "in use"), "in use"],
    [new RangeError("too far"), "too far"],
    ["a text", "a text"],
    [undefined, "undefined"],
    [42, "42"],
  ])("tells %s as %j", (thrown, message) => {
    expect(messageOf(thrown)).toBe(message);
  });
});
