import fc from "fast-check";
import { expect, test } from "vitest";
import { MOST_NESTED } from "../../src/rpc/limits.js";
import { parseMessage } from "../../src/rpc/message.js";
import { isNestedDeeper } from "../../src/rpc/nesting.js";

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

test("how deep a JSON text is nested is what comes of parsing it, whatever its strings have", () => {
  const texts = fc
    .json({ maxDepth: 6 })
    .chain((text) =>
      fc
        .string({ unit: fc.constantFrom('"', "\\", "[", "]", "{", "}", "a") })
        .map((odd) => JSON.stringify([odd, JSON.parse(text)])),
    );
  fc.assert(
    fc.property(texts, (text) => {
      const depth = depthOf(JSON.parse(text));
      expect(isNestedDeeper(text, { than: depth })).toBe(false);
      expect(isNestedDeeper(text, { than: depth - 1 })).toBe(true);
    }),
  );
});

test("a text that is no JSON is looked at to its end", () => {
  for (const text of ["", '"', '"\\', '["\\"', "]]]", '{"a'] as const) {
    expect(isNestedDeeper(text, { than: 1 })).toBe(false);
  }
});

test("a long message that is nested too deep is refused without being parsed", () => {
  const nested = (levels: number) =>
    `{"jsonrpc":"2.0","id":1,"method":"m","params":{"text":"${"x".repeat(70_000)}","deep":${"[".repeat(levels)}${"]".repeat(levels)}}}`;
  expect(parseMessage(nested(MOST_NESTED - 2))).toMatchObject({ type: "request", id: 1 });
  expect(() => parseMessage(nested(MOST_NESTED - 1))).toThrow("nested");
  const start = performance.now();
  expect(() => parseMessage(nested(6_000_000))).toThrow("nested");
  expect(performance.now() - start).toBeLessThan(1000);
});
