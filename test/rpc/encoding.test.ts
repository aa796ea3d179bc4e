import fc from "fast-check";
import { expect, test } from "vitest";
import { decoded, encoded } from "../../src/rpc/encoding.js";
import { kindOf } from "../support/error-kind.js";

function sent(value: unknown): unknown {
  return decoded(JSON.parse(JSON.stringify(encoded(value))));
}

const VALUES: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  "an undefined property": { ifMatch: undefined },
  "a date": new Date(1_700_000_000_123),
  "a date that is none": new Date(Number.NaN),
  bytes: Buffer.from([0, 255, 7]),
  "a map": new Map<string, unknown>([["key", Buffer.from("x")]]),
  "an expression": /a.c$/giu,
  "a bigint": -(2n ** 70n),
  NaN: Number.NaN,
  "minus nothing": -0,
  infinities: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  "half a character": "\ud800 and \udc00",
  "what looks encoded": { $date: 5 },
  "an unknown name that looks encoded": { $nothing: { $undefined: true } },
  "a property that is a prototype's name": JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}'),
};

test.each(Object.entries(VALUES))("%s arrives as it was sent", (_, value) => {
  expect(sent(value)).toStrictEqual(value);
});

test("bytes that are part of a larger buffer arrive alone", () => {
  expect(sent(new Uint8Array([1, 2, 3, 4]).subarray(1, 3))).toStrictEqual(Buffer.from([2, 3]));
});

test("of an object with a toJSON arrives what that says, and of a function that it was one", () => {
  expect(sent({ at: { toJSON: () => "said" } })).toStrictEqual({ at: "said" });
  expect(typeof sent(() => 1)).toBe("function");
});

test("whatever consists of these arrives as it was sent", () => {
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom(...Object.values(VALUES)),
      fc.double(),
      fc.string({ unit: "binary" }),
      fc.array(tie("any")),
      fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("$date", "$object")), tie("any"), {
        noNullPrototype: true,
      }),
    ),
  })).any;
  fc.assert(
    fc.property(value, (each) => {
      expect(sent(each)).toStrictEqual(each);
    }),
  );
});

test("what contains itself is refused by kind", () => {
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  expect(kindOf(() => encoded(loop))).toBe("invalid-argument");
});

test.each([
  { $nothing: 1 },
  { $map: "x" },
  { $map: [["a"]] },
  { $regexp: ["(", ""] },
  { $bigint: "1e5" },
  JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`),
])("what nobody encodes like that is refused by kind", (value) => {
  expect(kindOf(() => decoded(value))).toBe("invalid-argument");
});
