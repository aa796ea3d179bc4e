import { mkdirSync, readdirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { unmountDevice } from "../fuse/binding/device.js";
import { fsError } from "../libc/system-error.js";
import { NexusError } from "../model/errors.js";
import { nexusMountAt } from "./host-mounts.js";

/**
 * The absolute path without symlinks, as the kernel lists it. Looks at the directories above it only:
 * a mount whose daemon is gone answers no question about itself.
 */
export function resolveMountPoint(path: string, cwd = process.cwd()): string {
  const absolute = resolve(cwd, path);
  if (absolute === "/") throw new NexusError("invalid-argument", "can't mount over /");
  try {
    if (nexusMountAt(absolute) !== undefined) return absolute;
    return realpathSync(absolute);
  } catch {
    // Not there yet, or a mount that doesn't answer: then its parents tell.
  }
  try {
    return join(realpathSync(dirname(absolute)), basename(absolute));
  } catch {
    return absolute;
  }
}

/**
 * Makes a mount point ready: makes the directory, clears a mount of ours whose daemon is gone.
 * Returns whether it cleared one. Errors: `in-use` (mounted and alive), `not-a-directory`,
 * `directory-not-empty`, `access-denied`, `invalid-argument` (the data directory lies inside).
 */
export async function prepareMountPoint({
  mountPoint,
  dataDir,
  allowNonEmpty,
}: {
  mountPoint: string;
  dataDir: string;
  allowNonEmpty: boolean;
}): Promise<{ clearedStale: boolean }> {
  requireApart(mountPoint, dataDir);
  let clearedStale = false;
  while (nexusMountAt(mountPoint) !== undefined) {
    if (isAlive(mountPoint)) {
      throw new NexusError("in-use", `a Nexus namespace is mounted at ${mountPoint} already`, {
        path: mountPoint,
      });
    }
    await unmountDevice(mountPoint, { lazy: true });
    clearedStale = true;
  }
  makeDirectory(mountPoint);
  if (!allowNonEmpty) requireEmpty(mountPoint);
  return { clearedStale };
}

/**
 * Whether somebody serves a mount: asks it for its root, which a dead one answers with ENOTCONN.
 * Never call it on a mount that this process serves.
 */
export function isAlive(mountPoint: string): boolean {
  try {
    statSync(mountPoint);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // EACCES: alive, and not for us.
    return code !== "ENOTCONN" && code !== "ECONNABORTED";
  }
}

function requireApart(mountPoint: string, dataDir: string): void {
  const data = resolveMountPoint(dataDir);
  if (isAtOrBelow(data, mountPoint)) {
    throw new NexusError(
      "invalid-argument",
      `the data directory ${dataDir} lies inside the mount point ${mountPoint}: the mount would hide its own data; choose another --data-dir`,
    );
  }
  if (isAtOrBelow(mountPoint, data)) {
    throw new NexusError(
      "invalid-argument",
      `the mount point ${mountPoint} lies inside the data directory ${dataDir}; choose another one`,
    );
  }
}

function isAtOrBelow(path: string, ancestor: string): boolean {
  return path === ancestor || path.startsWith(ancestor + sep);
}

function makeDirectory(mountPoint: string): void {
  try {
    mkdirSync(mountPoint, { recursive: true });
  } catch (error) {
    const failure = fsError(error, { op: "make the mount point", path: mountPoint });
    if (failure.kind !== "already-exists" && failure.kind !== "not-a-directory") throw failure;
    throw new NexusError("not-a-directory", `the mount point ${mountPoint} is not a directory`, {
      path: mountPoint,
      cause: error,
    });
  }
}

function requireEmpty(mountPoint: string): void {
  let entries: string[];
  try {
    entries = readdirSync(mountPoint);
  } catch (error) {
    throw fsError(error, { op: "list the mount point", path: mountPoint });
  }
  if (entries.length === 0) return;
  throw new NexusError(
    "directory-not-empty",
    `the mount point ${mountPoint} is not empty, and its files would be hidden; use another directory, or --allow-non-empty`,
    { path: mountPoint },
  );
}
