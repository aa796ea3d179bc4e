import type { Credentials, Identity } from "../../../src/model/identity.js";
import type { AgentId, TenantId } from "../../../src/model/ids.js";

/** Who uses the mount, by uid: an admin, the agents of two tenants, nobody's tenant, and one who may do nothing. */
export const USERS: readonly (Identity | undefined)[] = [
  { isAdmin: true },
  { isAdmin: false, tenantId: "acme" as TenantId, agentId: "alice" as AgentId },
  { isAdmin: false, tenantId: "acme" as TenantId, agentId: "bob" as AgentId },
  { isAdmin: false, tenantId: "other" as TenantId },
  { isAdmin: false },
  undefined,
];

/** Whom a request comes from; a uid that was damaged on its way is nobody's. */
export function identify({ uid }: Credentials): Identity | undefined {
  return USERS[uid];
}
