import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { nexusMountAt } from "../libc/host-mounts.js";
import { messageOf, NexusError } from "../model/errors.js";
import { connectControl } from "../sdk/daemon-control.js";
import type { DaemonStatus } from "../sdk/daemon-status.js";
import { readHolder } from "../storage/data-dir-lock.js";
import { resolvePlace } from "./mount-point.js";

/** Longer than a busy daemon takes, and short enough for who asks every half minute. */
const LIMIT_MS = 5000;

export interface HealthQuestion {
  /** The mount to look at; all mounts of the daemon when it is undefined. */
  readonly mountPoint: string | undefined;
  /** The store, where no mount point says which. */
  readonly dataDir: () => Promise<string>;
}

/**
 * Whether a daemon and its mounts answer, each within five seconds. Returns how it stands, in words.
 * Errors: `not-found` (no daemon, no mount), `io-failure` (one that doesn't answer).
 */
export async function checkHealth({ mountPoint, dataDir }: HealthQuestion): Promise<string> {
  if (mountPoint === undefined) {
    const { pid, mounts } = await askDaemon(await dataDir());
    const places = mounts.filter(({ isDetached }) => !isDetached).map((mount) => mount.mountPoint);
    await Promise.all(places.map(requireAnswer));
    return `healthy: process ${pid} serves ${places.length} ${places.length === 1 ? "mount" : "mounts"}`;
  }
  const place = resolvePlace(mountPoint);
  const mount = nexusMountAt(place);
  if (mount === undefined) {
    throw new NexusError("not-found", `no Nexus namespace is mounted at ${place}`, { path: place });
  }
  // First what it says by itself: one whose daemon is gone has nobody to ask.
  await requireAnswer(place);
  const { pid, mounts } = await askDaemon(mount.source);
  if (!mounts.some((served) => served.mountPoint === place)) {
    throw new NexusError("not-found", `process ${pid} has no mount at ${place}`, { path: place });
  }
  return `healthy: process ${pid} serves ${place}`;
}

async function askDaemon(dataDir: string): Promise<DaemonStatus> {
  const client = await connectControl(dataDir);
  if (client === undefined) {
    throw new NexusError("not-found", `no daemon has the data directory ${dataDir}`, {
      path: dataDir,
    });
  }
  try {
    const signal = AbortSignal.timeout(LIMIT_MS);
    return (await client.call("daemon.status", {}, { signal })) as DaemonStatus;
  } catch (error) {
    const who = `the daemon of ${dataDir} (process ${readHolder(dataDir)?.pid})`;
    const isLate = (error as Error).name === "TimeoutError";
    const why = isLate ? ` within ${LIMIT_MS / 1000} seconds` : `: ${messageOf(error)}`;
    throw new NexusError("io-failure", `${who} doesn't answer${why}`, {
      path: dataDir,
      cause: error,
    });
  } finally {
    client.close();
  }
}

/**
 * Asks a mount from another process: a mount that hangs would hold on to whoever asks, and only a kill
 * ends that.
 */
async function requireAnswer(mountPoint: string): Promise<void> {
  const probe = fileURLToPath(new URL("../daemon/health-probe.js", import.meta.url));
  const child = spawn(process.execPath, [probe, mountPoint], {
    stdio: "ignore",
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  if (code === 0) return;
  const how = code === null ? ` within ${LIMIT_MS / 1000} seconds` : "";
  throw new NexusError("io-failure", `the mount at ${mountPoint} doesn't answer${how}`, {
    path: mountPoint,
  });
}
