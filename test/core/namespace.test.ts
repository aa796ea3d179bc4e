import { describe, expect, test } from "vitest";
import { DEFAULT_NAMESPACES, namespaceTable } from "../../src/core/namespace.js";

const PLAIN = { readonly: false, adminOnly: false, requiresTenant: true };

describe("namespaceTable", () => {
  test("has the five namespaces of the product, with their rules", () => {
    expect([...namespaceTable([]).values()]).toEqual([
      { ...PLAIN, name: "workspace", requiresAgent: true },
      { ...PLAIN, name: "shared", requiresAgent: false },
      { ...PLAIN, name: "external", requiresTenant: false, requiresAgent: false },
      {
        name: "system",
        readonly: true,
        adminOnly: true,
        requiresTenant: false,
        requiresAgent: false,
      },
      { ...PLAIN, name: "archives", readonly: true, requiresAgent: false },
    ]);
  });

  test("adds what is declared, under its name, without an agent", () => {
    const table = namespaceTable([{ ...PLAIN, name: "lab", readonly: true }]);
    expect(table.size).toBe(DEFAULT_NAMESPACES.length + 1);
    expect(table.get("lab")).toEqual({
      ...PLAIN,
      name: "lab",
      readonly: true,
      requiresAgent: false,
    });
  });

  test("lets a declaration take a default's place, as a whole", () => {
    const open = { name: "archives", readonly: false, adminOnly: true, requiresTenant: false };
    const table = namespaceTable([open]);
    expect(table.size).toBe(DEFAULT_NAMESPACES.length);
    expect(table.get("archives")).toEqual({ ...open, requiresAgent: false });
  });

  test("keeps the agent in a workspace that is redefined with a tenant", () => {
    const table = namespaceTable([{ ...PLAIN, name: "workspace", readonly: true }]);
    expect(table.get("workspace")).toMatchObject({ readonly: true, requiresAgent: true });
  });

  test("asks for no agent in a workspace that is redefined without a tenant", () => {
    const table = namespaceTable([{ ...PLAIN, name: "workspace", requiresTenant: false }]);
    expect(table.get("workspace")).toMatchObject({ requiresTenant: false, requiresAgent: false });
  });

  test("knows no namespace that is only a property of objects", () => {
    for (const name of ["constructor", "__proto__", "toString"]) {
      expect(namespaceTable([]).get(name)).toBeUndefined();
    }
  });
});
