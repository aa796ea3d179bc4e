import fc from "fast-check";
import { expect, test } from "vitest";
import { REQUEST_LIMITS } from "../../src/rpc/limits.js";
import { messageFrame, parseMessage } from "../../src/rpc/message.js";
import { limitBeyond, OBJECT_COST } from "../../src/rpc/parsing-cost.js";

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

function costOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const inner = Object.values(value);
  const costs = inner.map(costOf).reduce((sum, cost) => sum + cost, 0);
  return OBJECT_COST + Math.max(0, inner.length - 1) + costs;
}

/** JSON with strings that look like more of it. */
const TEXTS = fc
  .json({ maxDepth: 6 })
  .chain((text) =>
    fc
      .string({ unit: fc.constantFrom('"', "\\", "[", "]", "{", "}", ",", "a") })
      .map((odd) => JSON.stringify([odd, JSON.parse(text)])),
  );
const ANY = Number.POSITIVE_INFINITY;

test("how deep a JSON text is nested is what comes of parsing it, whatever its strings have", () => {
  fc.assert(
    fc.property(TEXTS, (text) => {
      const depth = depthOf(JSON.parse(text));
      expect(limitBeyond(text, { mostNested: depth, mostCost: ANY })).toBeUndefined();
      expect(limitBeyond(text, { mostNested: depth - 1, mostCost: ANY })).toBe("mostNested");
    }),
  );
});

test("how much a JSON text has is what comes of parsing it, whatever its strings have", () => {
  fc.assert(
    fc.property(TEXTS, (text) => {
      const cost = costOf(JSON.parse(text));
      expect(limitBeyond(text, { mostNested: ANY, mostCost: cost })).toBeUndefined();
      expect(limitBeyond(text, { mostNested: ANY, mostCost: cost - 1 })).toBe("mostCost");
    }),
  );
});

test("a text that is no JSON is looked at to its end", () => {
  for (const text of ["", '"', '"\\', '["\\"', "]]]", '{"a'] as const) {
    expect(limitBeyond(text, { mostNested: 1, mostCost: OBJECT_COST })).toBeUndefined();
  }
});

function request(text: string): string {
  return `{"jsonrpc":"2.0","id":1,"method":"m","params":{"text":"${"x".repeat(70_000)}","more":${text}}}`;
}

/** What this process has computed: milliseconds. Others that compute too don't count. */
function computedMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

test("a long request that is nested too deep is refused without being parsed", () => {
  const nested = (levels: number) => request("[".repeat(levels) + "]".repeat(levels));
  const { mostNested } = REQUEST_LIMITS;
  expect(parseMessage(nested(mostNested - 2), "caller")).toMatchObject({ type: "request", id: 1 });
  expect(() => parseMessage(nested(mostNested - 1), "caller")).toThrow("nested");
  const start = computedMs();
  expect(() => parseMessage(nested(6_000_000), "caller")).toThrow("nested");
  expect(computedMs() - start).toBeLessThan(1000);
});

test("a request with millions of values is refused without being parsed, and can't be sent", () => {
  const start = computedMs();
  for (const unit of ["{},", "[],", '{"$map":[]},', "1,", '"",']) {
    const many = request(`[${unit.repeat(15_000_000 / unit.length)}1]`);
    expect(() => parseMessage(many, "caller")).toThrow("at most 2000000 values");
  }
  expect(computedMs() - start).toBeLessThan(1000);
  const values = Array.from({ length: 700_000 }, () => ({}));
  expect(() => messageFrame({ id: 1, method: "m", params: { values } })).toThrow("take less");
});

test("a result has as many values as it has", () => {
  const result = Array.from({ length: 700_000 }, () => [1]);
  const frame = messageFrame({ id: 1, result });
  expect(parseMessage(frame, "server")).toStrictEqual({ type: "result", id: 1, result });
});
