import { statSync } from "node:fs";
import type { HostMount } from "../libc/host-mounts.js";
import { DataDirLock, readHolder } from "../storage/data-dir-lock.js";
import { MountsFile } from "./mounts-file.js";

// Where all processes of a daemon were killed at once, the kernel may not know that nobody serves its mounts. Whoever
// asks such a mount for anything waits for ever, so it has to be known otherwise: by the state file of its store,
// which lists it, while no daemon has that store. (The source of a mount is only a path, which may lead to
// another store by now: that one doesn't list it.)

/** Whether it is known that nobody serves a mount. */
export function isUnserved(mount: HostMount): boolean {
  return isListed(mount) && !mayHaveDaemon(mount.source);
}

/** The same for the daemon that has this store, of a mount that isn't its own. */
export function isLeftIn(dataDir: string, mount: HostMount): boolean {
  return isSameDirectory(mount.source, dataDir) && isListed(mount);
}

function isListed({ mountPoint, source }: HostMount): boolean {
  return new MountsFile(source).read().mounts.some((spec) => spec.mountPoint === mountPoint);
}

/** A program that uses the library may have it, too; that one mounts nothing. */
function mayHaveDaemon(dataDir: string): boolean {
  if (!DataDirLock.isHeld(dataDir)) return false;
  const holder = readHolder(dataDir);
  if (holder === undefined) return true; // just being written
  return (
    holder.isStarting === true || holder.mounts !== undefined || holder.mountPoint !== undefined
  );
}

function isSameDirectory(path: string, other: string): boolean {
  try {
    const [a, b] = [statSync(path), statSync(other)];
    return a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false; // one of them isn't there
  }
}
