import { isDirectory, S_IFDIR } from "../model/attributes.js";
import { NexusError } from "../model/errors.js";
import { type Ino, ROOT_INO } from "../model/ids.js";
import { splitPath } from "../model/path.js";
import type { Volume } from "./volume.js";

const DIRECTORY_PERMISSIONS = 0o755;

/** Who owns a directory, and what its owner, its group and others may do. */
export interface Ownership {
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly permissions: number;
}

/**
 * Makes the directories of a path that are missing, for the system itself and so past isolation: the
 * roots of namespaces, a tenant's and an agent's own directories. `last` is for the one that the path
 * names, if that is somebody else's than those above.
 * Errors: `invalid-config` when something else than a directory has the name.
 */
export function ensureDirectory(
  volume: Volume,
  { path, owner, last }: { path: string; owner: Ownership["owner"]; last?: Ownership | undefined },
): void {
  const names = splitPath(path);
  let parent: Ino = ROOT_INO;
  let place = volume.router.root;
  for (const [index, name] of names.entries()) {
    place = volume.router.child(place, name);
    const found = volume.metadata.lookup({ parent, name });
    if (found !== undefined && !isDirectory(found.mode)) {
      throw new NexusError(
        "invalid-config",
        `${path} must be a directory, and '${name}' is something else: rename it first`,
        { path },
      );
    }
    if (found !== undefined) {
      parent = found.ino;
      continue;
    }
    const { tenantId, agentId } = place.zone;
    const own = index === names.length - 1 ? last : undefined;
    const made = volume.metadata.create({
      parent,
      name,
      mode: S_IFDIR | (own?.permissions ?? DIRECTORY_PERMISSIONS),
      ...(own?.owner ?? owner),
      rdev: 0,
      tenantId,
      agentId,
      mimeType: undefined,
      now: volume.clock.now(),
    });
    volume.changes.note({ kind: "entry", parent, name }, undefined);
    parent = made.ino;
  }
}
