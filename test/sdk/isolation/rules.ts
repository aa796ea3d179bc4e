import type { ErrorKind } from "../../../src/model/errors.js";
import type { Identity } from "../../../src/model/identity.js";
import type { AgentId, TenantId } from "../../../src/model/ids.js";

// The checks of isolation as the design has them in its section 3, written down a second time and from
// the paths' text alone: what the suite expects is not asked of what it tests.

/** The namespaces that the suite adds to the default ones. */
export const CUSTOM_NAMESPACES = [
  { name: "frozen", readonly: true, adminOnly: false, requiresTenant: false },
  { name: "staff", readonly: false, adminOnly: true, requiresTenant: false },
  { name: "projects", readonly: false, adminOnly: false, requiresTenant: true },
  { name: "vault", readonly: true, adminOnly: true, requiresTenant: true },
];

const ADMIN_ONLY = ["system", "staff", "vault"];
const READ_ONLY = ["system", "archives", "frozen", "vault"];
const TENANTS_OWN = ["workspace", "shared", "archives", "projects", "vault"];

/** One place in each namespace and for each owner, all of them for files. */
export const PLACES = [
  "/documents/open",
  "/workspace/acme/alice",
  "/workspace/acme/bob",
  "/workspace/beta/alice",
  "/workspace/beta/bob",
  "/shared/acme",
  "/shared/beta",
  "/external/depot",
  "/system/deep",
  "/archives/acme",
  "/archives/beta",
  "/frozen/deep",
  "/staff/deep",
  "/projects/acme",
  "/projects/beta",
  "/vault/acme",
  "/vault/beta",
];

/** Directories that several tenants or agents share. */
export const STRUCTURE = [
  "/",
  "/workspace",
  "/workspace/acme",
  "/shared",
  "/archives",
  "/projects",
];

function identity(tenantId?: string, agentId?: string, isAdmin = false): Identity {
  return {
    isAdmin,
    ...(tenantId === undefined ? {} : { tenantId: tenantId as TenantId }),
    ...(agentId === undefined ? {} : { agentId: agentId as AgentId }),
  };
}

export const IDENTITIES: Readonly<Record<string, Identity>> = {
  "nobody in particular": identity(),
  "a tenant": identity("acme"),
  "a tenant's agent": identity("acme", "alice"),
  "an agent without a tenant": identity(undefined, "alice"),
  "another tenant's agent": identity("beta", "bob"),
  "an admin": identity(undefined, undefined, true),
  "an admin of a tenant": identity("acme", "alice", true),
};

export interface Refusal {
  readonly kind: ErrorKind;
  readonly message: string;
}

/** Why an identity is refused at a path, or undefined. */
export function refusalAt(
  { tenantId, agentId, isAdmin }: Identity,
  { path, access }: { path: string; access: "read" | "write" },
): Refusal | undefined {
  const [name = "", second, third] = path.split("/").slice(1);
  if (ADMIN_ONLY.includes(name) && !isAdmin) {
    return { kind: "access-denied", message: `namespace '${name}' requires admin privileges` };
  }
  if (READ_ONLY.includes(name) && access === "write") {
    return { kind: "read-only", message: `namespace '${name}' is read-only` };
  }
  if (isAdmin || !TENANTS_OWN.includes(name)) return undefined;
  if (tenantId !== undefined && second !== undefined && second !== tenantId) {
    const message = `tenant '${tenantId}' can't access resources of tenant '${second}'`;
    return { kind: "access-denied", message };
  }
  const isAgents = name === "workspace" && third !== undefined;
  if (agentId !== undefined && isAgents && third !== agentId) {
    const message = `agent '${agentId}' can't access the workspace of agent '${third}'`;
    return { kind: "access-denied", message };
  }
  return undefined;
}
