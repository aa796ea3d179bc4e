import { describe, expect, test } from "vitest";
import { type Access, authorize, authorizeChange, refusal } from "../../src/core/isolation.js";
import { MountTable } from "../../src/core/mount-table.js";
import { namespaceTable } from "../../src/core/namespace.js";
import { Router } from "../../src/core/router.js";
import type { Identity } from "../../src/model/identity.js";
import type { AgentId, TenantId } from "../../src/model/ids.js";

const acme = "acme" as TenantId;
const agent1 = "agent1" as AgentId;

const WHO: Readonly<Record<string, Identity>> = {
  nobody: { isAdmin: false },
  tenant: { tenantId: acme, isAdmin: false },
  agent: { tenantId: acme, agentId: agent1, isAdmin: false },
  "agent alone": { agentId: agent1, isAdmin: false },
  admin: { isAdmin: true },
  "admin agent": { tenantId: acme, agentId: agent1, isAdmin: true },
};
const EVERYONE = Object.keys(WHO);
const ALL_BUT_ADMINS = ["nobody", "tenant", "agent", "agent alone"];
const TENANTS = ["tenant", "agent"];
const AGENTS = ["agent", "agent alone"];

const router = new Router({
  namespaces: namespaceTable([
    { name: "lab", readonly: false, adminOnly: false, requiresTenant: true },
    { name: "vault", readonly: true, adminOnly: true, requiresTenant: true },
    { name: "admins", readonly: false, adminOnly: true, requiresTenant: false },
  ]),
  mounts: new MountTable([
    { prefix: "/external/frozen", backend: "local", readonly: true, priority: 0 },
    { prefix: "/documents/frozen", backend: "local", readonly: true, priority: 0 },
  ]),
});

const ADMINS_ONLY = /^namespace '(system|vault|admins)' requires admin privileges$/;
const READ_ONLY = /^namespace '(system|archives|vault)' is read-only$/;
const READ_ONLY_MOUNT = /^the mount at \/(external|documents)\/frozen is read-only$/;
const TENANT = /^tenant 'acme' can't access resources of tenant '(beta|notes\.txt)'$/;
const AGENT = /^agent 'agent1' can't access the workspace of agent 'agent2'$/;

type Refused = readonly [kind: string, message: RegExp, who: readonly string[]];
interface Row {
  readonly path: string;
  readonly access: Access;
  readonly refused: readonly Refused[];
}

/** Who is refused what, and with which words; everybody else may. */
const TABLE: readonly Row[] = (
  [
    ["/", "read"],
    ["/", "write"],
    ["/documents/a", "read"],
    ["/documents/a", "write"],
    ["/documents/frozen/a", "read"],
    ["/documents/frozen/a", "write", ["read-only", READ_ONLY_MOUNT, EVERYONE]],

    ["/workspace", "read"],
    ["/workspace/acme", "read"],
    ["/workspace/acme/agent1", "read"],
    ["/workspace/acme/agent1/a", "write"],
    ["/workspace/acme/agent2/a", "read", ["access-denied", AGENT, AGENTS]],
    ["/workspace/acme/agent2/a", "write", ["access-denied", AGENT, AGENTS]],
    ["/workspace/beta", "read", ["access-denied", TENANT, TENANTS]],
    ["/workspace/beta/agent1/a", "write", ["access-denied", TENANT, TENANTS]],
    // The tenant is checked before the agent.
    [
      "/workspace/beta/agent2/a",
      "read",
      ["access-denied", TENANT, TENANTS],
      ["access-denied", AGENT, ["agent alone"]],
    ],
    // A file right below the namespace has its name taken for a tenant's.
    ["/workspace/notes.txt", "read", ["access-denied", TENANT, TENANTS]],
    ["/shared/notes.txt", "write", ["access-denied", TENANT, TENANTS]],

    ["/shared", "write"],
    ["/shared/acme/a", "write"],
    ["/shared/beta/a", "read", ["access-denied", TENANT, TENANTS]],
    ["/shared/beta/a", "write", ["access-denied", TENANT, TENANTS]],
    ["/lab/acme/agent2/a", "write"],
    ["/lab/beta/a", "write", ["access-denied", TENANT, TENANTS]],

    ["/external/beta/a", "write"],
    ["/external/frozen/a", "read"],
    ["/external/frozen/a", "write", ["read-only", READ_ONLY_MOUNT, EVERYONE]],

    ["/archives/acme/a", "read"],
    ["/archives/acme/a", "write", ["read-only", READ_ONLY, EVERYONE]],
    ["/archives/beta/a", "read", ["access-denied", TENANT, TENANTS]],
    // Read-only comes before the tenant, and holds for admins too.
    ["/archives/beta/a", "write", ["read-only", READ_ONLY, EVERYONE]],

    ["/system", "read", ["access-denied", ADMINS_ONLY, ALL_BUT_ADMINS]],
    // Admins only comes before read-only.
    [
      "/system/a",
      "write",
      ["access-denied", ADMINS_ONLY, ALL_BUT_ADMINS],
      ["read-only", READ_ONLY, ["admin", "admin agent"]],
    ],
    ["/admins/a", "write", ["access-denied", ADMINS_ONLY, ALL_BUT_ADMINS]],
    ["/vault/beta/a", "read", ["access-denied", ADMINS_ONLY, ALL_BUT_ADMINS]],
  ] satisfies readonly (readonly [string, Access, ...Refused[]])[]
).map(([path, access, ...refused]) => ({ path, access, refused }));

describe("refusal", () => {
  test.each(TABLE)("$path, $access: as the table says", ({ path, access, refused }) => {
    const place = router.resolve(path);
    for (const [who, identity] of Object.entries(WHO)) {
      const expected = refused.find(([, , refusedOnes]) => refusedOnes.includes(who));
      const error = refusal(identity, { place, access });
      expect([who, error?.kind]).toEqual([who, expected?.[0]]);
      if (expected !== undefined) expect(error?.message).toMatch(expected[1]);
    }
  });

  test("is the same for every name in a zone: it tells nothing of what exists", () => {
    const identity = { tenantId: acme, isAdmin: false };
    const answers = ["a", "b", "a/very/deep/path"].map((name) =>
      refusal(identity, { place: router.resolve(`/shared/beta/${name}`), access: "read" }),
    );
    expect(new Set(answers.map((answer) => answer?.message)).size).toBe(1);
  });

  test("compares names exactly", () => {
    for (const name of ["ACME", "acme ", "acm", "acmee"]) {
      const place = router.resolve(`/shared/${name}/a`);
      expect(refusal({ tenantId: acme, isAdmin: false }, { place, access: "read" })?.kind).toBe(
        "access-denied",
      );
    }
  });
});

test("authorize throws the refusal, and nothing when there is none", () => {
  const identity = { tenantId: acme, isAdmin: false };
  const at = (path: string) => ({ place: router.resolve(path), access: "read" as const });
  expect(() => authorize(identity, at("/shared/acme/a"))).not.toThrow();
  expect(() => authorize(identity, at("/shared/beta/a"))).toThrow(
    expect.objectContaining({ kind: "access-denied" }),
  );
});

describe("changing a directory that several share", () => {
  const change = (who: string, path: string) => () =>
    authorizeChange(WHO[who] ?? { isAdmin: false }, router.resolve(path));
  const denied = expect.objectContaining({ kind: "access-denied" });

  test.each(["/", "/workspace", "/shared", "/lab"])(
    "%s takes an admin or nobody's identity",
    (path) => {
      for (const who of ["nobody", "admin", "admin agent"]) expect(change(who, path)).not.toThrow();
      for (const who of TENANTS) expect(change(who, path)).toThrow(denied);
    },
  );

  test("a tenant's workspace is shared by its agents, so none of them changes it", () => {
    for (const who of AGENTS) expect(change(who, "/workspace/acme")).toThrow(denied);
  });

  test("a tenant and an agent change what is their own", () => {
    expect(change("tenant", "/shared/acme")).not.toThrow();
    expect(change("agent", "/workspace/acme/agent1")).not.toThrow();
    expect(change("agent", "/documents")).not.toThrow();
  });

  test("what isolation refuses anyway keeps its own answer", () => {
    expect(change("admin", "/archives")).toThrow(expect.objectContaining({ kind: "read-only" }));
    expect(change("tenant", "/system")).toThrow(ADMINS_ONLY);
  });
});
