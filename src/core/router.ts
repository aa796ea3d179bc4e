import type { Identity } from "../model/identity.js";
import type { AgentId, TenantId } from "../model/ids.js";
import { splitPath } from "../model/path.js";
import type { MountEntry, MountTable } from "./mount-table.js";
import type { Namespace } from "./namespace.js";
import { isSettled, type Place, type Zone } from "./place.js";

export interface RouterOptions {
  readonly namespaces: ReadonlyMap<string, Namespace>;
  readonly mounts: MountTable;
}

/**
 * Tells what a path means: which namespace, tenant and agent it names, and which mount entry serves
 * it. Works a component at a time, as the kernel asks, so the rule is written once for paths and
 * for inodes.
 */
export class Router {
  readonly root: Place;
  readonly #namespaces: ReadonlyMap<string, Namespace>;
  readonly #mounts: MountTable;
  /** Settled places of the open zone, one for each mount entry: the common answer, made once. */
  readonly #open = new Map<MountEntry, Place>();

  constructor({ namespaces, mounts }: RouterOptions) {
    this.#namespaces = namespaces;
    this.#mounts = mounts;
    this.root = { zone: this.#openPlace(mounts.entryOf("/")).zone, awaits: "namespace", path: "/" };
  }

  /** All that decides in which zone a path is, as text: the same text, the same zones. */
  get rules(): string {
    const namespaces = [...this.#namespaces.values()].map(
      ({ name, requiresTenant, requiresAgent }) => [name, requiresTenant, requiresAgent],
    );
    return JSON.stringify({ namespaces, mounts: this.#mounts.prefixes });
  }

  /** The names that the root directory always holds. */
  get namespaceNames(): string[] {
    return [...this.#namespaces.keys()];
  }

  /**
   * The directories that are an identity's own, in every namespace that names tenants or agents and
   * that it may write to.
   */
  homesOf({ tenantId, agentId }: Identity): string[] {
    if (tenantId === undefined) return [];
    return [...this.#namespaces.values()].flatMap((namespace) => {
      const { name, requiresTenant, requiresAgent, readonly, adminOnly } = namespace;
      if (!requiresTenant || readonly || adminOnly) return [];
      const home = `/${name}/${tenantId}`;
      return [requiresAgent && agentId !== undefined ? `${home}/${agentId}` : home];
    });
  }

  /** The place of the entry `name` in a directory. */
  child(parent: Place, name: string): Place {
    if (parent.path === undefined) return parent;
    const path = parent.path === "/" ? `/${name}` : `${parent.path}/${name}`;
    const mount = this.#mounts.entryOf(path);
    const settledBelow = !this.#mounts.hasEntryBelow(path);
    const { zone, awaits } = this.#descend(parent, { name, mount });
    if (awaits !== undefined || !settledBelow) return { zone, awaits, path };
    return zone.namespace === undefined
      ? this.#openPlace(mount)
      : { zone, awaits: undefined, path: undefined };
  }

  /** The place of a whole path. Errors: `invalid-path`, `name-too-long`. */
  resolve(path: string): Place {
    let place = this.root;
    for (const name of splitPath(path)) {
      if (isSettled(place)) break;
      place = this.child(place, name);
    }
    return place;
  }

  #descend(
    parent: Place,
    { name, mount }: { name: string; mount: MountEntry },
  ): { zone: Zone; awaits: Place["awaits"] } {
    const { namespace, tenantId, agentId } = parent.zone;
    switch (parent.awaits) {
      case "namespace": {
        const found = this.#namespaces.get(name);
        const zone = { namespace: found, tenantId: undefined, agentId: undefined, mount };
        return { zone, awaits: found?.requiresTenant ? "tenant" : undefined };
      }
      case "tenant":
        return {
          zone: { namespace, tenantId: name as TenantId, agentId: undefined, mount },
          awaits: namespace?.requiresAgent ? "agent" : undefined,
        };
      case "agent":
        return {
          zone: { namespace, tenantId, agentId: name as AgentId, mount },
          awaits: undefined,
        };
      case undefined:
        return { zone: { namespace, tenantId, agentId, mount }, awaits: undefined };
    }
  }

  #openPlace(mount: MountEntry): Place {
    let place = this.#open.get(mount);
    if (place === undefined) {
      const zone = { namespace: undefined, tenantId: undefined, agentId: undefined, mount };
      place = { zone, awaits: undefined, path: undefined };
      this.#open.set(mount, place);
    }
    return place;
  }
}
