import { readlinkSync } from "node:fs";
import { FS_TYPE, type HostMount, nexusMountAt, readHostMounts } from "../libc/host-mounts.js";
import type { LockHolder } from "../storage/data-dir-lock.js";
import { isAlive } from "./mount-point.js";

/** What one process can learn of another one's mounts; undefined where it may not look. */
export interface Sight {
  mountsOf(pid: number | "self"): readonly HostMount[] | undefined;
  /** The mount namespace of a process, mount_namespaces(7). */
  namespaceOf(pid: number | "self"): string | undefined;
  isAlive(mountPoint: string): boolean;
}

export const PROC: Sight = {
  mountsOf: (pid) => orUndefined(() => readHostMounts(pid)),
  namespaceOf: (pid) => orUndefined(() => readlinkSync(`/proc/${pid}/ns/mnt`)),
  isAlive,
};

/**
 * Whether the holder of a data directory has no mount: then it is on its way out (or in), and worth waiting for,
 * unless it said that it stays without. A holder in a mount namespace where we can't look, as in a container, counts
 * as mounted until it says otherwise.
 */
export function isFinishing(
  holder: LockHolder | undefined,
  { dataDir, sight = PROC }: { dataDir: string; sight?: Sight },
): boolean {
  if (holder === undefined) return true; // just starting or just gone
  if (holder.hasEnded === true || holder.isStarting === true) return true;
  const { pid, mountPoint, namespace } = holder;
  const places =
    holder.mounts?.map((mount) => mount.mountPoint) ??
    (mountPoint === undefined ? [] : [mountPoint]);
  // A program that uses the library, or a daemon that waits for mounts: it may run for ever.
  if (places.length === 0) return false;
  const source = holder.dataDir ?? dataDir;
  const isTheirs = (mount: HostMount | undefined): mount is HostMount =>
    mount !== undefined &&
    places.includes(mount.mountPoint) &&
    mount.type === FS_TYPE &&
    mount.source === source;

  const here = sight.mountsOf("self") ?? [];
  const theirs = here.filter(isTheirs);
  if (theirs.length > 0) {
    // Only the topmost mount can be asked.
    const isGone = ({ mountPoint: place }: HostMount) =>
      isTheirs(nexusMountAt(place, here)) && !sight.isAlive(place);
    return theirs.every(isGone);
  }
  if (namespace === undefined || namespace === sight.namespaceOf("self")) return true;
  // A process number of another container's may be anybody's here: the namespace tells.
  if (sight.namespaceOf(pid) !== namespace) return false;
  return !(sight.mountsOf(pid) ?? []).some(isTheirs);
}

function orUndefined<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined; // the process is gone, or somebody else's
  }
}
