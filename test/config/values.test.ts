import { describe, expect, test } from "vitest";
import { ConfigPlace } from "../support/config-place.js";

describe("a flag", () => {
  test.each(["true", "1", "yes", "on", "TRUE", "Yes", "oN"])("is true as the text %j", (text) => {
    expect(new ConfigPlace().load({ env: { NEXUS_IS_ADMIN: text } }).isAdmin).toBe(true);
    expect(new ConfigPlace().loadYaml(`is_admin: "${text}"`).isAdmin).toBe(true);
  });

  test.each(["false", "0", "no", "off", "FALSE", "No"])("is false as the text %j", (text) => {
    expect(new ConfigPlace().load({ env: { NEXUS_IS_ADMIN: text } }).isAdmin).toBe(false);
    expect(new ConfigPlace().loadYaml(`is_admin: "${text}"`).isAdmin).toBe(false);
  });

  test.each(["true", "yes"])("is true as a plain YAML %s", (word) => {
    expect(new ConfigPlace().loadYaml(`is_admin: ${word}`).isAdmin).toBe(true);
  });
});

describe("a number", () => {
  test.each([
    ["cache_size_mb: 64", 64],
    ["cache_size_mb: '64'", 64],
    ["cache_size_mb: ' 64 '", 64],
    ["cache_size_mb: 0.5", 0.5],
    ["cache_size_mb: 1e2", 100],
  ])("%s", (yaml, number) => {
    expect(new ConfigPlace().loadYaml(yaml).cacheSizeMb).toBe(number);
  });
});

describe("namespaces", () => {
  test("have the product's defaults where an entry says nothing", () => {
    expect(new ConfigPlace().loadYaml("namespaces:\n  - name: lab\n").namespaces).toEqual([
      { name: "lab", readonly: false, adminOnly: false, requiresTenant: true },
    ]);
  });

  test("say what they demand", () => {
    const yaml = `
namespaces:
  - name: audit
    readonly: true
    admin_only: "yes"
    requires_tenant: \${TENANTS}
`;
    expect(new ConfigPlace().loadYaml(yaml, { env: { TENANTS: "no" } }).namespaces).toEqual([
      { name: "audit", readonly: true, adminOnly: true, requiresTenant: false },
    ]);
  });
});

describe("mounts", () => {
  test("are of the local backend, writable and without priority where an entry says nothing", () => {
    expect(new ConfigPlace().loadYaml("mounts: [{path: /external//photos/}]").mounts).toEqual([
      { prefix: "/external/photos", backend: "local", readonly: false, priority: 0 },
    ]);
  });

  test("say where, how and before whom", () => {
    const yaml = "mounts: [{path: /a, backend: local, readonly: true, priority: -3}]";
    expect(new ConfigPlace().loadYaml(yaml).mounts).toEqual([
      { prefix: "/a", backend: "local", readonly: true, priority: -3 },
    ]);
  });
});

describe("identities", () => {
  const load = (yaml: string) => new ConfigPlace().loadYaml(`identities:\n${yaml}`).identities;

  test("say who, by number or name, and what they are here, in their order", () => {
    const yaml = `
  - { uid: 1001, tenant_id: acme, agent_id: agent1 }
  - { user: ada, group: staff, tenant_id: acme }
  - { gid: "100", is_admin: "yes" }
  - { user: "*", tenant_id: guests }
`;
    expect(load(yaml)).toStrictEqual([
      { uid: 1001, identity: { isAdmin: false, tenantId: "acme", agentId: "agent1" } },
      { user: "ada", group: "staff", identity: { isAdmin: false, tenantId: "acme" } },
      { gid: 100, identity: { isAdmin: true } },
      { user: "*", identity: { isAdmin: false, tenantId: "guests" } },
    ]);
  });

  test("are none unless somebody says so", () => {
    expect(new ConfigPlace().load().identities).toEqual([]);
  });

  test("may be of root, and of the last user and group that there can be", () => {
    const yaml = "  - { uid: 0, gid: 4294967294, is_admin: true }\n";
    expect(load(yaml)).toMatchObject([{ uid: 0, gid: 4294967294 }]);
  });

  test("may name everybody of a group before others", () => {
    const yaml = `
  - { user: "*", group: ops, is_admin: true }
  - { uid: 5, tenant_id: acme }
`;
    expect(load(yaml)).toHaveLength(2);
  });
});

test("a tenant's name may have dots, spaces and any letters", () => {
  for (const name of ["acme.inc", "..acme", "acme inc", "アクメ", "a".repeat(255)]) {
    expect(new ConfigPlace().load({ env: { NEXUS_TENANT_ID: name } }).tenantId).toBe(name);
  }
});
