import { describe, expect, test } from "vitest";
import { expandVariables } from "../../src/config/expand.js";

const env = { NAME: "acme", EMPTY: "", HOME: "/home/me", NESTED: ref("NAME") };
const where = "nexus.yaml: tenant_id";
const OPEN = ref("NAME").slice(0, -1);

/** `${...}` in a text that is no template. */
function ref(inner: string): string {
  return `\${${inner}}`;
}

describe("a text", () => {
  test.each([
    ["no variable", "plain", "plain"],
    ["a variable", ref("NAME"), "acme"],
    ["variables in the middle", `a-${ref("NAME")}-${ref("NAME")}-b`, "a-acme-acme-b"],
    ["a default that isn't needed", ref("NAME:-other"), "acme"],
    ["a default for what isn't set", ref("NONE:-other"), "other"],
    ["a default for what is empty", ref("EMPTY:-other"), "other"],
    ["an empty default", `[${ref("NONE:-")}]`, "[]"],
    ["a default with all sorts of signs", ref("NONE:-/a b/$c:-d"), "/a b/$c:-d"],
    ["an empty variable without a default", `[${ref("EMPTY")}]`, "[]"],
    ["a value that looks like a variable", ref("NESTED"), ref("NAME")],
    ["an escaped reference", `$${ref("NAME")}`, ref("NAME")],
    ["an escape beside a reference", `$${ref("A")}${ref("NAME")}`, `${ref("A")}acme`],
    ["a lone dollar", "costs $5", "costs $5"],
    ["a variable without braces", "$NAME", "$NAME"],
    ["what is no name", ref("1A"), ref("1A")],
    ["an open brace", OPEN, OPEN],
  ])("with %s", (_, text, expanded) => {
    expect(expandVariables(text, { env, where })).toBe(expanded);
  });

  test("with variables that make it longer than any setting is refused, before it is made", () => {
    const long = { LONG: "x".repeat(30_000) };
    expect(() => expandVariables(ref("LONG").repeat(30_000), { env: long, where })).toThrow(
      expect.objectContaining({
        kind: "invalid-config",
        message: `${where}: with the value of LONG it would have more than 65536 characters`,
      }),
    );
    const twice = expandVariables(ref("LONG").repeat(2), { env: long, where });
    expect(twice).toHaveLength(60_000);
  });

  test("with a variable that isn't set is refused, and says what to do", () => {
    expect(() => expandVariables(`x${ref("NONE")}`, { env, where })).toThrow(
      expect.objectContaining({
        kind: "invalid-config",
        message: `${where}: the environment variable NONE, in '${ref("NONE")}', is not set; set it, or give a default: ${ref("NONE:-default")}`,
      }),
    );
  });

  test("doesn't take a property that every object has for a variable", () => {
    for (const name of ["constructor", "toString", "__proto__"]) {
      expect(() => expandVariables(ref(name), { env, where })).toThrow(
        expect.objectContaining({ kind: "invalid-config" }),
      );
    }
  });
});

describe("a document", () => {
  test("is expanded in all of its texts, and in nothing else", () => {
    const document = {
      [ref("NAME")]: 1,
      list: [ref("NAME"), { deep: ref("NAME") }, 2, true, null],
      flag: false,
      nothing: null,
    };
    expect(expandVariables(document, { env, where })).toEqual({
      [ref("NAME")]: 1,
      list: ["acme", { deep: "acme" }, 2, true, null],
      flag: false,
      nothing: null,
    });
  });

  test("stays what it was", () => {
    const document = { list: [ref("NAME")] };
    expandVariables(document, { env, where });
    expect(document).toEqual({ list: [ref("NAME")] });
  });
});
