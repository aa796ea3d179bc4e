import type { HostMount } from "../libc/host-mounts.js";
import { DataDirLock, readHolder } from "../storage/data-dir-lock.js";
import { PROC } from "./finishing.js";

/**
 * Whether nobody serves a mount, though the kernel doesn't know yet: its daemon was killed, and something keeps what
 * it had open. Whoever asks such a mount for anything waits for ever. Known by the lock, where the daemon was one of
 * this mount namespace, in which the data directory is the same.
 */
export function isUnserved({ source: dataDir }: HostMount): boolean {
  const namespace = readHolder(dataDir)?.namespace;
  const isOurs = namespace !== undefined && namespace === PROC.namespaceOf("self");
  return isOurs && !DataDirLock.isHeld(dataDir);
}
