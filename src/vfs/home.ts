import { isDirectory, S_IFDIR } from "../model/attributes.js";
import { NexusError } from "../model/errors.js";
import { type Ino, ROOT_INO } from "../model/ids.js";
import { splitPath } from "../model/path.js";
import type { Volume } from "./volume.js";

const DIRECTORY_MODE = S_IFDIR | 0o755;

/**
 * Makes the directories of a path that are missing, for the system itself and so past isolation: the
 * roots of namespaces, a tenant's and an agent's own directories.
 * Errors: `invalid-config` when something else than a directory has the name.
 */
export function ensureDirectory(
  volume: Volume,
  { path, owner }: { path: string; owner: { uid: number; gid: number } },
): void {
  let parent: Ino = ROOT_INO;
  let place = volume.router.root;
  for (const name of splitPath(path)) {
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
    const made = volume.metadata.create({
      parent,
      name,
      mode: DIRECTORY_MODE,
      ...owner,
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
