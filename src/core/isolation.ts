import { NexusError } from "../model/errors.js";
import { type Identity, isBound } from "../model/identity.js";
import { isStructural, type Place } from "./place.js";

export type Access = "read" | "write";

/**
 * The checks of isolation, in their order, on the place alone and before any look-up: a denied
 * answer is the same whether or not the file exists. Returns the refusal, or undefined.
 */
export function refusal(
  identity: Identity,
  { place, access }: { place: Place; access: Access },
): NexusError | undefined {
  const { namespace, tenantId, agentId, mount } = place.zone;
  if (namespace !== undefined) {
    if (namespace.adminOnly && !identity.isAdmin) {
      return new NexusError(
        "access-denied",
        `namespace '${namespace.name}' requires admin privileges`,
      );
    }
    if (namespace.readonly && access === "write") {
      return new NexusError("read-only", `namespace '${namespace.name}' is read-only`);
    }
  }
  if (mount.readonly && access === "write") {
    return new NexusError("read-only", `the mount at ${mount.prefix} is read-only`);
  }
  if (namespace === undefined || identity.isAdmin) return undefined;
  if (identity.tenantId !== undefined && tenantId !== undefined && tenantId !== identity.tenantId) {
    return new NexusError(
      "access-denied",
      `tenant '${identity.tenantId}' can't access resources of tenant '${tenantId}'`,
    );
  }
  if (identity.agentId !== undefined && agentId !== undefined && agentId !== identity.agentId) {
    return new NexusError(
      "access-denied",
      `agent '${identity.agentId}' can't access the workspace of agent '${agentId}'`,
    );
  }
  return undefined;
}

/** {@link refusal}, thrown. */
export function authorize(identity: Identity, request: { place: Place; access: Access }): void {
  const refused = refusal(identity, request);
  if (refused !== undefined) throw refused;
}

/**
 * Changing a directory that several tenants or agents share (its mode, owner, times, attributes)
 * would reach across the boundary, so it takes an identity that the boundary doesn't bind. The root
 * is everybody's door, and `chmod 0 /` would shut it. Entries made in such a directory are checked by
 * their own place instead.
 */
export function authorizeChange(identity: Identity, place: Place): void {
  const isRoot = place.awaits === "namespace";
  const refused = changeRefusal(identity, place);
  if (refused !== undefined) throw refused;
  if (isRoot && isBound(identity)) throw sharedError(place);
}

/** The same as {@link refusal} is given, but for the root itself: files in it are everybody's. */
export function changeRefusal(identity: Identity, place: Place): NexusError | undefined {
  const refused = refusal(identity, { place, access: "write" });
  if (refused !== undefined) return refused;
  const isShared = isStructural(place) && isBound(identity) && isBoundWithin(place, identity);
  return isShared ? sharedError(place) : undefined;
}

function sharedError(place: Place): NexusError {
  return new NexusError(
    "access-denied",
    `${place.path ?? "this directory"} is shared by several tenants or agents; changing it requires admin privileges`,
  );
}

/**
 * Whether an identity may give a name to anything but a directory. A name that stands for a level, as a
 * tenant's of the workspaces does, is to be a directory's: a file there would shut out all whose place
 * is below. So only who no tenant or agent binds may, as somebody does who is alone there.
 */
export function mayBeFile(
  identity: Identity,
  { place, parent }: { place: Place; parent: Place },
): boolean {
  return parent.awaits === "tenant" ? !isBound(identity) : !isStructural(place);
}

/** Whether the directory has children that the identity's own tenant or agent shuts it out of. */
export function isBoundWithin({ awaits, zone }: Place, { tenantId, agentId }: Identity): boolean {
  if (awaits === "tenant" && tenantId !== undefined) return true;
  const agentsBelow = awaits === "agent" || zone.namespace?.requiresAgent === true;
  return awaits !== undefined && agentsBelow && agentId !== undefined;
}
