import { realpathSync, statSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import { FS_TYPE, type HostMount, mountAbove } from "../../libc/host-mounts.js";
import { fsError } from "../../libc/system-error.js";
import { NexusError } from "../../model/errors.js";

export interface Surroundings {
  /** Of the store that is to be backed up. */
  readonly dataDir: string;
  /** The mounts of this machine. */
  readonly mounts: readonly HostMount[];
}

/**
 * Where a directory of backups really is, or is going to be: its parent has to be there, because where the disk for
 * backups isn't mounted, everything would go to the one that is; a parent that is the mount point itself can't tell.
 * `path` is absolute. Errors: `not-found`, `not-a-directory`; `invalid-argument` for a place that goes with the store
 * when that is lost.
 */
export function placeOfBackups(path: string, { dataDir, mounts }: Surroundings): string {
  const real = realPath(path) ?? join(realParent(path), basename(path));
  const store = realPath(dataDir) ?? dataDir;
  const refuse = (where: string) => {
    const message = `${path} is in ${where} itself; a backup belongs on another disk`;
    throw new NexusError("invalid-argument", message, { path });
  };
  if (`${real}${sep}`.startsWith(`${store}${sep}`)) refuse("the data directory");
  const mount = mountAbove(real, mounts);
  const isOfStore = mount?.type === FS_TYPE && (realPath(mount.source) ?? mount.source) === store;
  if (isOfStore) refuse("a mount of the store");
  return real;
}

function realParent(path: string): string {
  const parent = dirname(path);
  try {
    if (statSync(parent).isDirectory()) return realpathSync(parent);
  } catch (error) {
    const failure = fsError(error, { op: "find", path: parent });
    if (failure.kind !== "not-found") throw failure;
    throw new NexusError(
      "not-found",
      `there is no directory ${parent} to make ${path} in; is its disk mounted?`,
      { path: parent, cause: error },
    );
  }
  throw new NexusError("not-a-directory", `${parent} is not a directory`, { path: parent });
}

/** Undefined when it isn't there. */
function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw fsError(error, { op: "find", path });
  }
}
