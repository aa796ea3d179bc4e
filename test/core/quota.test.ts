import { expect, test } from "vitest";
import { isWithin, QuotaTable, quotaExceeded } from "../../src/core/quota.js";
import type { TenantId } from "../../src/model/ids.js";

const ACME = "acme" as TenantId;
const OTHER = "other" as TenantId;

test("a tenant has its own limits, or those of all; what is nobody's has none", () => {
  const table = new QuotaTable({ all: { bytes: 5 }, own: [{ tenantId: ACME, files: 7 }] });
  expect(table.of(ACME)).toMatchObject({ files: 7 });
  expect(table.of(ACME)?.bytes).toBeUndefined();
  expect(table.of(OTHER)).toEqual({ bytes: 5 });
  expect(table.of(undefined)).toBeUndefined();
  expect(table.isEmpty).toBe(false);
});

test("an entry without limits frees its tenant from those of all", () => {
  const table = new QuotaTable({ all: { bytes: 5 }, own: [{ tenantId: ACME }] });
  expect(table.of(ACME)).toBeUndefined();
  expect(new QuotaTable({ all: {}, own: [] }).isEmpty).toBe(true);
});

test("the last byte fits, one more doesn't, and who is past a limit may take away", () => {
  const usage = { bytes: 90, files: 3 };
  const limits = { bytes: 100, files: 3 };
  const within = (bytes: number, files: number) =>
    isWithin(limits, { usage, more: { bytes, files } });
  expect(within(10, 0)).toBe(true);
  expect(within(11, 0)).toBe(false);
  expect(within(0, 1)).toBe(false);
  const past = { usage: { bytes: 200, files: 9 }, more: { bytes: -50, files: 0 } };
  expect(isWithin(limits, past)).toBe(true);
});

test("the error says whose limit it is, and by how much", () => {
  const usage = { bytes: 90, files: 3 };
  const error = quotaExceeded(ACME, {
    limits: { bytes: 100 },
    usage,
    more: { bytes: 20, files: 1 },
  });
  expect(error).toMatchObject({
    kind: "quota-exceeded",
    message: "the tenant 'acme' may have 100 bytes, has 90, and needs 20 more",
  });
});
