import { setTimeout } from "node:timers/promises";
import { unmountDevice } from "../fuse/binding/device.js";
import { type HostMount, nexusMountAt } from "../libc/host-mounts.js";
import { isKind, NexusError } from "../model/errors.js";
import { DataDirLock, readHolder } from "../storage/data-dir-lock.js";
import { resolvePlace } from "./mount-point.js";

const POLL_MS = 20;
/** Most daemons are done before anybody wonders. */
const SILENT_MS = 2000;
/** Longer than the daemon drains. */
const WAIT_MS = 45_000;
/** One that was detached may have files open, and then it ends when they are closed. */
const LAZY_WAIT_MS = 1000;

export interface Unmounted {
  readonly mountPoint: string;
  /** The daemon that still serves open files of a mount that was detached. */
  readonly stillServing: number | undefined;
}

/**
 * Unmounts, and waits until the daemon has written everything down: afterwards the data directory
 * may be copied, moved, or mounted again. Detaching (`lazy`) doesn't wait for open files. Errors:
 * `not-found`, `not-permitted` (somebody else's), `busy`, `io-failure` (the daemon ended with an error).
 */
export async function unmountAndWait(
  path: string,
  { lazy, onWait }: { lazy: boolean; onWait: (message: string) => void },
): Promise<Unmounted> {
  const mountPoint = resolvePlace(path);
  const mount = nexusMountAt(mountPoint);
  if (mount === undefined) {
    throw new NexusError("not-found", `no Nexus namespace is mounted at ${mountPoint}`, {
      path: mountPoint,
    });
  }
  requireOwner(mount);
  const dataDir = mount.source;
  const isServed = readHolder(dataDir)?.mountPoint === mountPoint;
  try {
    await unmountDevice(mountPoint, { lazy });
  } catch (error) {
    if (!isKind(error, "busy")) throw error;
    throw new NexusError(
      "busy",
      `${mountPoint} is in use: close the files and leave the directories in it (fuser -vm shows who), or detach it with -u --lazy`,
      { path: mountPoint, cause: error },
    );
  }
  const start = performance.now();
  const deadline = start + (lazy ? LAZY_WAIT_MS : WAIT_MS);
  let isSilent = !lazy;
  while (isServed && DataDirLock.isHeld(dataDir)) {
    if (performance.now() > deadline) {
      if (lazy) return { mountPoint, stillServing: readHolder(dataDir)?.pid };
      throw new NexusError(
        "busy",
        `unmounted; the daemon (process ${readHolder(dataDir)?.pid}) is still writing to ${dataDir}`,
      );
    }
    if (isSilent && performance.now() > start + SILENT_MS) {
      isSilent = false;
      const who = `process ${readHolder(dataDir)?.pid}`;
      onWait(`unmounted; waiting until ${who} has written everything to ${dataDir}`);
    }
    await setTimeout(POLL_MS);
  }
  const end = isServed ? readHolder(dataDir) : undefined;
  if (end?.failure !== undefined && end.mountPoint === mountPoint) {
    throw new NexusError(
      "io-failure",
      `unmounted, but the daemon ended with an error: ${end.failure}; what was acknowledged is in ${dataDir} and comes back at the next mount`,
      { path: dataDir },
    );
  }
  return { mountPoint, stillServing: undefined };
}

/** fusermount3 would only say that it finds no such mount. */
function requireOwner({ mountPoint, userId }: HostMount): void {
  const uid = process.geteuid?.();
  if (uid === 0 || userId === undefined || userId === uid) return;
  const owner = userId === 0 ? "root" : `the user with id ${userId}`;
  const allowed = userId === 0 ? "root" : `${owner} and root`;
  throw new NexusError(
    "not-permitted",
    `${mountPoint} was mounted by ${owner}: only ${allowed} can unmount it`,
    { path: mountPoint },
  );
}
