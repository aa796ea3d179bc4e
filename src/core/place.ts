import type { Identity } from "../model/identity.js";
import type { AgentId, TenantId } from "../model/ids.js";
import type { MountEntry } from "./mount-table.js";
import type { Namespace } from "./namespace.js";

/**
 * Whose a file is: its namespace with the tenant and the agent that the path names, and the backend
 * that holds it. No inode ever belongs to two zones, so the answer to "may they see it" is the same
 * for all of its names.
 */
export interface Zone {
  /** Undefined for the root and for all first components that no namespace claims: open to all. */
  readonly namespace: Namespace | undefined;
  readonly tenantId: TenantId | undefined;
  readonly agentId: AgentId | undefined;
  readonly mount: MountEntry;
}

/**
 * Where a directory stands, as far as isolation cares: its zone, and what the names in it will mean.
 * Most directories are *settled*: whatever lies below them is in the same zone. The few others (the
 * root, `/workspace`, `/workspace/acme`, the parents of a mount entry) know their path, from which
 * the place of a child follows.
 */
export interface Place {
  readonly zone: Zone;
  /** What the next component names. */
  readonly awaits: "namespace" | "tenant" | "agent" | undefined;
  /** Set as long as the place isn't settled. */
  readonly path: string | undefined;
}

/** Whether everything below lies in the same zone. */
export function isSettled(place: Place): boolean {
  return place.path === undefined;
}

/**
 * Directories of the namespace's own structure, which several tenants or agents share: `/workspace`,
 * `/workspace/acme`, `/shared`. The root is not one of them, it is open to everyone.
 */
export function isStructural(place: Place): boolean {
  return place.awaits === "tenant" || place.awaits === "agent";
}

export function isSameZone(a: Zone, b: Zone): boolean {
  return (
    a === b ||
    (a.namespace === b.namespace &&
      a.tenantId === b.tenantId &&
      a.agentId === b.agentId &&
      a.mount === b.mount)
  );
}

/** Whose what is made in a zone is: the tenant's and agent's that the path names, or else of whoever makes it. */
export function ownerOf(
  { identity }: { readonly identity: Identity },
  { zone }: Pick<Place, "zone">,
): { tenantId: TenantId | undefined; agentId: AgentId | undefined } {
  return {
    tenantId: zone.tenantId ?? identity.tenantId,
    agentId: zone.agentId ?? identity.agentId,
  };
}

/**
 * A path that names a zone: it resolves to a place of that zone, with the same namespaces and mounts.
 * The open zone is `/`.
 */
export function zonePath({ namespace, tenantId, agentId, mount }: Zone): string {
  const names = [namespace?.name, tenantId, agentId].filter((name) => name !== undefined);
  const path = `/${names.join("/")}`;
  return mount.prefix.length > path.length ? mount.prefix : path;
}
