import { setTimeout } from "node:timers/promises";
import { unmountDevice } from "../fuse/binding/device.js";
import { type HostMount, nexusMountAt } from "../libc/host-mounts.js";
import { isKind, NexusError } from "../model/errors.js";
import { connectControl } from "../sdk/daemon-control.js";
import { DataDirLock, type HeldMount, readHolder } from "../storage/data-dir-lock.js";
import { resolvePlace } from "./mount-point.js";
import { isUnserved } from "./unserved.js";

const POLL_MS = 20;
/** Most daemons are done before anybody wonders. */
const SILENT_MS = 2000;
/** Longer than the daemon lets clients finish, and drains. */
const WAIT_MS = 75_000;
/** One that was detached may have files open, and then it ends when they are closed. */
const LAZY_WAIT_MS = 1000;

export interface Unmounted {
  readonly mountPoint: string;
  /** The daemon that still serves open files of a mount that was detached. */
  readonly stillServing: number | undefined;
}

/**
 * Unmounts, and waits until the daemon is done with that mount. When it was the last one, that means
 * until everything is written down: afterwards the data directory may be copied, moved, or mounted
 * again. Detaching (`lazy`) doesn't wait for open files. Errors: `not-found`, `not-permitted` (somebody
 * else's), `busy`, `io-failure` (the daemon ended with an error).
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
  const daemon = daemonOf(mountPoint, dataDir);
  const unserved = isUnserved(mount) ? mount : undefined;
  try {
    await unmountDevice(mountPoint, { lazy: lazy || unserved !== undefined, unserved });
  } catch (error) {
    if (!isKind(error, "busy")) throw error;
    throw new NexusError(
      "busy",
      `${mountPoint} is in use: close the files and leave the directories in it (fuser -vm shows who), or detach it with -u --lazy`,
      { path: mountPoint, cause: error },
    );
  }
  if (daemon === undefined) return { mountPoint, stillServing: undefined };
  const isOver = await until(() => isDone(daemon), {
    limitMs: lazy ? LAZY_WAIT_MS : WAIT_MS,
    onSlow: () => {
      if (lazy) return;
      onWait(`unmounted; waiting until process ${daemon.pid} has written everything to ${dataDir}`);
    },
  });
  if (isOver) {
    requireGoodEnd(daemon);
    if (unserved === undefined) requireLastWord(daemon);
    return { mountPoint, stillServing: undefined };
  }
  if (lazy) return { mountPoint, stillServing: daemon.pid };
  throw new NexusError(
    "busy",
    `unmounted; the daemon (process ${daemon.pid}) is still writing to ${dataDir}`,
  );
}

/**
 * Ends the daemon of a data directory with all of its mounts, as a signal does, and waits until
 * everything is on disk. Errors: `not-found` (no daemon), `busy`, `io-failure` as above.
 */
export async function stopAndWait(
  dataDir: string,
  { onWait }: { onWait: (message: string) => void },
): Promise<{ readonly pid: number }> {
  const client = await connectControl(dataDir);
  if (client === undefined) {
    throw new NexusError("not-found", `no daemon has the data directory ${dataDir}`, {
      path: dataDir,
    });
  }
  try {
    const answer = (await client.call("daemon.stop", {})) as { readonly pid: number };
    const daemon: ServingDaemon = { pid: answer.pid, dataDir, mount: undefined };
    const onSlow = () =>
      onWait(`waiting until process ${daemon.pid} has written everything to ${dataDir}`);
    if (!(await until(() => isDone(daemon), { limitMs: WAIT_MS, onSlow }))) {
      throw new NexusError(
        "busy",
        `the daemon (process ${daemon.pid}) is still writing to ${dataDir}`,
      );
    }
    requireGoodEnd(daemon);
    requireLastWord(daemon);
    return { pid: daemon.pid };
  } finally {
    client.close();
  }
}

/** The daemon behind a mount, and which of its mounts it is; undefined for all of them. */
interface ServingDaemon {
  readonly pid: number;
  readonly dataDir: string;
  readonly mount: HeldMount | undefined;
}

function daemonOf(mountPoint: string, dataDir: string): ServingDaemon | undefined {
  const holder = readHolder(dataDir);
  const mount = holder?.mounts?.findLast((held) => held.mountPoint === mountPoint);
  return holder === undefined || mount === undefined
    ? undefined
    : { pid: holder.pid, dataDir, mount };
}

/**
 * Whether the daemon has done what was waited for: one that goes on has let go of the mount, one that
 * doesn't has let go of the data directory.
 */
function isDone({ pid, dataDir, mount }: ServingDaemon): boolean {
  if (!DataDirLock.isHeld(dataDir)) return true;
  const holder = readHolder(dataDir);
  if (holder === undefined) return false; // just being written
  if (holder.pid !== pid) return true;
  if (holder.hasEnded === true || mount === undefined) return false;
  return holder.mounts?.every(({ id }) => id !== mount.id) === true;
}

/** Errors: `io-failure` when the daemon has ended with an error. */
function requireGoodEnd({ pid, dataDir }: ServingDaemon): void {
  const end = readHolder(dataDir);
  if (end?.failure === undefined || end.pid !== pid) return;
  throw new NexusError(
    "io-failure",
    `unmounted, but the daemon ended with an error: ${end.failure}; what was acknowledged is in ${dataDir} and comes back at the next mount`,
    { path: dataDir },
  );
}

/**
 * A daemon that ends in order notes that. One that was killed meanwhile didn't, nor one whose disk takes nothing
 * any more, as a file system that went read-only. Errors: `io-failure`.
 */
function requireLastWord({ pid, dataDir }: ServingDaemon): void {
  const end = readHolder(dataDir);
  if (end === undefined || end.pid !== pid || end.hasEnded === true) return;
  if (DataDirLock.isHeld(dataDir)) return; // it goes on with other mounts
  throw new NexusError(
    "io-failure",
    `unmounted, but the daemon (process ${pid}) is gone without a word of how it ended: it was killed, or ${dataDir} can't be written any more`,
    { path: dataDir },
  );
}

/** Another process tells of nothing: it is looked at again and again. False when the time is up. */
async function until(
  holds: () => boolean,
  { limitMs, onSlow }: { limitMs: number; onSlow: () => void },
): Promise<boolean> {
  const start = performance.now();
  let isSilent = true;
  while (!holds()) {
    const waitedMs = performance.now() - start;
    if (waitedMs > limitMs) return false;
    if (isSilent && waitedMs > SILENT_MS) {
      isSilent = false;
      onSlow();
    }
    await setTimeout(POLL_MS);
  }
  return true;
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
