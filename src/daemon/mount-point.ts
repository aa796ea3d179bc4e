import { readdirSync, readlinkSync, statfsSync, statSync } from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import type { Config } from "../config/config.js";
import { workingDirectory } from "../config/working-directory.js";
import { unmountDevice } from "../fuse/binding/device.js";
import { makeDirectories } from "../libc/directories.js";
import {
  FS_TYPE,
  type HostMount,
  mountAbove,
  nexusMountAt,
  readHostMounts,
} from "../libc/host-mounts.js";
import { refusal } from "../libc/refusal.js";
import { isKind, NexusError } from "../model/errors.js";

/** What the daemon itself reads and writes. A mount over it would make it wait for its own answer. */
export type OwnFiles = Pick<Config, "dataDir" | "dbPath" | "logFile">;

/** As many symlinks as the kernel follows on one path: path_resolution(7). */
const MOST_SYMLINKS = 40;

/**
 * The absolute path without symlinks, as the kernel lists it. Asks no mount for anything: one whose
 * daemon is gone has no answer.
 */
export function resolvePlace(path: string, cwd = workingDirectory()): string {
  return withoutSymlinks(resolve(cwd, path), { left: MOST_SYMLINKS });
}

/** The same for a place to mount at, which / isn't. Errors: `invalid-argument`. */
export function resolveMountPoint(path: string, cwd = workingDirectory()): string {
  const resolved = resolvePlace(path, cwd);
  if (resolved === "/") throw new NexusError("invalid-argument", "can't mount over /");
  return resolved;
}

/**
 * realpath(3) for a path whose end may be missing or a dead mount. readlink(2) tells a symlink from
 * everything else without a question to the file system that is mounted there.
 */
function withoutSymlinks(absolute: string, symlinks: { left: number }): string {
  const parent = dirname(absolute);
  if (parent === absolute) return absolute;
  const here = join(withoutSymlinks(parent, symlinks), basename(absolute));
  let target: string;
  try {
    target = readlinkSync(here);
  } catch {
    return here; // a directory, or not there
  }
  symlinks.left -= 1;
  if (symlinks.left < 0) throw new NexusError("symlink-loop", `${absolute} is a loop of symlinks`);
  return withoutSymlinks(resolve(dirname(here), target), symlinks);
}

/**
 * Makes sure that a mount point can be one, if it is there already, and clears a mount of ours whose
 * daemon is gone. Returns whether it cleared one. Errors: `in-use` (mounted and alive),
 * `not-a-directory`, `directory-not-empty`, `access-denied`, `invalid-argument` (the daemon's own
 * files lie inside).
 */
export async function checkMountPoint({
  mountPoint,
  files,
  allowNonEmpty,
  isUnserved,
}: {
  mountPoint: string;
  files: OwnFiles;
  allowNonEmpty: boolean;
  /** Whether it is known that nobody serves a mount, so that it needn't be asked. */
  isUnserved: (mount: HostMount) => boolean;
}): Promise<{ clearedStale: boolean }> {
  requireApart(mountPoint, files);
  let clearedStale = false;
  for (;;) {
    const mount = nexusMountAt(mountPoint);
    if (mount === undefined) break;
    const unserved = isUnserved(mount) ? mount : undefined;
    if (unserved === undefined && isAlive(mountPoint)) {
      throw new NexusError("in-use", `a Nexus namespace is mounted at ${mountPoint} already`, {
        path: mountPoint,
      });
    }
    // It may have taken long to answer, and another one be there by now.
    const now = nexusMountAt(mountPoint);
    if (now?.id !== mount.id || now.device !== mount.device) continue;
    try {
      await unmountDevice(mountPoint, { lazy: true, unserved });
      clearedStale = true;
    } catch (error) {
      if (!isKind(error, "not-found")) throw error; // somebody else was quicker
    }
  }
  if (isThere(mountPoint) && !allowNonEmpty) requireEmpty(mountPoint);
  return { clearedStale };
}

/**
 * For who named no store: a mount inside another of ours is a slip then, most often of somebody who
 * stands in that one. Errors: `invalid-argument`.
 */
export function requireOutsideMounts(mountPoint: string, mounts = readHostMounts()): void {
  const outer = mountAbove(dirname(mountPoint), mounts);
  if (outer?.type !== FS_TYPE) return;
  throw new NexusError(
    "invalid-argument",
    `the mount point ${mountPoint} lies inside the Nexus mount at ${outer.mountPoint}; choose a directory outside of it, or name the store to mount there with --data-dir`,
    { path: mountPoint },
  );
}

/** Makes the directory. Returns whether it wasn't there. Errors: `not-a-directory`, `access-denied`. */
export function makeMountPoint(mountPoint: string): boolean {
  try {
    return makeDirectories(mountPoint);
  } catch (error) {
    throw refused(error, { mountPoint, verb: "made" });
  }
}

/**
 * Whether somebody serves a mount. Asks with statfs(2), the one question whose answer the kernel
 * never keeps: a stat(2) of the root can succeed long after the daemon was killed. Where this user
 * may not enter, the kernel answers itself, and the mount counts as alive. Never call it on a mount
 * that this process serves.
 */
export function isAlive(mountPoint: string): boolean {
  try {
    statfsSync(mountPoint);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== "ENOTCONN" && code !== "ECONNABORTED";
  }
}

function requireApart(mountPoint: string, { dataDir, dbPath, logFile }: OwnFiles): void {
  const own = [
    ["data directory", dataDir, "data_dir"],
    ["database", dbPath, "db_path"],
    ["log file", logFile, "log_file"],
  ] as const;
  for (const [what, path, setting] of own) {
    if (path === undefined || !isAtOrBelow(placeOf(path), mountPoint)) continue;
    throw new NexusError(
      "invalid-argument",
      `the ${what} ${path} lies inside the mount point ${mountPoint}: the mount would hide it from its own daemon; choose another ${setting}`,
    );
  }
  if (isAtOrBelow(mountPoint, placeOf(dataDir))) {
    throw new NexusError(
      "invalid-argument",
      `the mount point ${mountPoint} lies inside the data directory ${dataDir}; choose another one`,
    );
  }
}

function placeOf(path: string): string {
  return withoutSymlinks(resolve(path), { left: MOST_SYMLINKS });
}

function isAtOrBelow(path: string, ancestor: string): boolean {
  return path === ancestor || path.startsWith(ancestor === sep ? sep : ancestor + sep);
}

function isThere(mountPoint: string): boolean {
  try {
    if (statSync(mountPoint).isDirectory()) return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw refused(error, { mountPoint, verb: "used" });
  }
  throw notADirectory(mountPoint);
}

function requireEmpty(mountPoint: string): void {
  let entries: string[];
  try {
    entries = readdirSync(mountPoint);
  } catch (error) {
    throw refused(error, { mountPoint, verb: "read" });
  }
  if (entries.length === 0) return;
  throw new NexusError(
    "directory-not-empty",
    `the mount point ${mountPoint} is not empty, and its files would be hidden; use another directory, or --allow-non-empty`,
    { path: mountPoint },
  );
}

function refused(
  error: unknown,
  { mountPoint, verb }: { mountPoint: string; verb: "made" | "read" | "used" },
): NexusError {
  const what = `the mount point ${mountPoint} can't be ${verb}`;
  const failure = refusal(error, { what, advice: "choose another directory", path: mountPoint });
  const isFile = isKind(failure, "already-exists") || isKind(failure, "not-a-directory");
  return isFile ? notADirectory(mountPoint, error) : failure;
}

function notADirectory(mountPoint: string, cause?: unknown): NexusError {
  const message = `the mount point ${mountPoint} is not a directory`;
  return new NexusError("not-a-directory", message, { path: mountPoint, cause });
}
