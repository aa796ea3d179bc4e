import { dirname, join } from "node:path";
import type { Config } from "../config/config.js";
import { loadConfig } from "../config/load.js";
import { mountDevice, unmountDevice } from "../fuse/binding/device.js";
import type { KernelOption } from "../fuse/mount-options.js";
import { makeDirectories } from "../libc/directories.js";
import { fsError } from "../libc/system-error.js";
import { isKind, messageOf } from "../model/errors.js";
import type { Identity } from "../model/identity.js";
import { type Logger, type LogTarget, openLogger } from "../telemetry/logger.js";
import { version } from "../telemetry/version.js";
import type { MountRequest } from "./command-line.js";
import { DataDirLock, type LockHolder } from "./data-dir-lock.js";
import { FsThread } from "./fs-thread.js";
import { nexusMountAt } from "./host-mounts.js";
import { isAlive, prepareMountPoint, resolveMountPoint } from "./mount-point.js";

/** How long a daemon that was unmounted may take to finish before the next one gives up. */
const FINISHING_MS = 40_000;
const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/** What the one who started the daemon wants to know. */
export interface Serving {
  readonly mountPoint: string;
  readonly dataDir: string;
  readonly pid: number;
}

/**
 * Mounts, serves until the mount ends or a signal asks to stop, and closes the store. Resolves after
 * a clean end. Errors: those of the configuration, the lock, the mount point and the mount.
 */
export async function serve(
  request: MountRequest,
  { onReady }: { onReady: (serving: Serving) => void },
): Promise<void> {
  const config = loadConfig({
    explicit: request.settings,
    configPath: request.configPath,
    face: "command",
  });
  const mountPoint = resolveMountPoint(request.mountPoint);
  const log = logTarget(config, request);
  // A directory that is a mount's, or the working directory of a daemon, can't be unmounted.
  if (request.isChild) process.chdir("/");
  const { clearedStale } = await prepareMountPoint({
    mountPoint,
    files: config,
    allowNonEmpty: request.allowNonEmpty,
  });
  const lock = await DataDirLock.acquire({
    dataDir: config.dataDir,
    holder: { pid: process.pid, mountPoint },
    waitMs: FINISHING_MS,
    isFinishing,
  });
  const logger = openLog(log);
  try {
    if (clearedStale) logger.warn({ mountPoint }, "cleared a mount whose daemon was gone");
    const thread = await FsThread.start(config, log);
    await serveMount({ config, request, mountPoint, thread, logger, onReady });
    await thread.close();
    logger.info({ mountPoint }, "stopped");
  } catch (error) {
    logger.fatal({ err: error }, "ended by an error");
    noteFailure(lock, { pid: process.pid, mountPoint, failure: messageOf(error) });
    throw error;
  } finally {
    lock.release();
  }
}

/** For whoever unmounts and waits for the end. */
function noteFailure(lock: DataDirLock, holder: LockHolder): void {
  try {
    lock.note(holder);
  } catch {
    // A disk that fails; the log and the exit code say so, too.
  }
}

/** Errors: those of making its directory and opening it, in words. */
function openLog(log: LogTarget): Logger {
  if (log.to === "terminal") return openLogger(log, "main");
  const { file } = log.to;
  try {
    makeDirectories(dirname(file), { mode: 0o700 });
    return openLogger(log, "main");
  } catch (error) {
    throw fsError(error, { op: "open the log", path: file });
  }
}

async function serveMount({
  config,
  request,
  mountPoint,
  thread,
  logger,
  onReady,
}: {
  config: Config;
  request: MountRequest;
  mountPoint: string;
  thread: FsThread;
  logger: Logger;
  onReady: (serving: Serving) => void;
}): Promise<void> {
  const { dataDir } = config;
  // From before there is a mount, so that no signal can leave one behind.
  const stop = listenForStop();
  let isMounted = false;
  try {
    const fd = await mountDevice({
      mountPoint,
      source: dataDir,
      allowOther: config.allowOther,
      kernelOptions: kernelOptions(config, request.kernelOptions),
    });
    isMounted = true;
    await thread.attach(fd, identityOf(config));
  } catch (error) {
    if (isMounted) await detachUnserved(mountPoint, logger);
    await thread.close().catch(() => undefined);
    throw error;
  }
  logger.info({ mountPoint, dataDir, version: version() }, "mounted");
  void stop.asked.then((signal) => {
    logger.info({ signal }, "stopping");
    return detach({ mountPoint, thread, logger });
  });
  onReady({ mountPoint, dataDir, pid: process.pid });
  try {
    await thread.ended;
  } catch (error) {
    // Its users get errors as soon as this process has ended.
    await detachUnserved(mountPoint, logger);
    throw error;
  }
  stop.ignoreFromNowOn();
}

/** Takes away a mount that nobody serves: only detaching asks nothing of it. */
async function detachUnserved(mountPoint: string, logger: Logger): Promise<void> {
  try {
    await unmountDevice(mountPoint, { lazy: true });
  } catch (error) {
    if (!isKind(error, "not-found")) logger.error({ err: error, mountPoint }, "can't be unmounted");
  }
}

/** Takes the mount away; one that is in use is detached, and its users get a moment to finish. */
async function detach({
  mountPoint,
  thread,
  logger,
}: {
  mountPoint: string;
  thread: FsThread;
  logger: Logger;
}): Promise<void> {
  try {
    await unmountDevice(mountPoint, { lazy: false });
    return;
  } catch (error) {
    if (isKind(error, "not-found")) return;
    logger.warn({ mountPoint, reason: messageOf(error) }, "still in use: detaching");
  }
  try {
    await unmountDevice(mountPoint, { lazy: true });
  } catch (error) {
    logger.error({ err: error, mountPoint }, "can't be unmounted");
  }
  thread.end();
}

/** Signals that ask to stop. */
interface StopSignals {
  /** The first one. A second one ends the process at once; the store survives that. */
  readonly asked: Promise<NodeJS.Signals>;
  /** It is stopping anyway. */
  readonly ignoreFromNowOn: () => void;
}

function listenForStop(): StopSignals {
  let isStopping = false;
  let isIgnoring = false;
  const asked = new Promise<NodeJS.Signals>((resolve) => {
    for (const name of STOP_SIGNALS) {
      process.on(name, (signal) => {
        if (isIgnoring) return;
        if (isStopping) process.exit(1);
        isStopping = true;
        resolve(signal);
      });
    }
  });
  return {
    asked,
    ignoreFromNowOn: () => {
      isIgnoring = true;
    },
  };
}

/** A daemon without a mount is on its way out; it only has to write down the rest. */
function isFinishing(holder: LockHolder | undefined): boolean {
  if (holder === undefined) return true; // just starting or just gone
  return nexusMountAt(holder.mountPoint) === undefined || !isAlive(holder.mountPoint);
}

function identityOf({ tenantId, agentId, isAdmin }: Config): Identity {
  return {
    isAdmin,
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(agentId === undefined ? {} : { agentId }),
  };
}

function kernelOptions(config: Config, asked: ReadonlySet<KernelOption>): Set<KernelOption> {
  const options = new Set(asked);
  if (config.readOnly) options.add("ro");
  if (config.atime !== "relatime") options.add(config.atime);
  return options;
}

/** The terminal sees the log of a process in the foreground; else, and if asked, a file has it. */
function logTarget({ logLevel, logFile, dataDir }: Config, request: MountRequest): LogTarget {
  if (request.foreground && logFile === undefined) return { level: logLevel, to: "terminal" };
  return { level: logLevel, to: { file: logFile ?? join(dataDir, "nexus-mount.log") } };
}
