import { rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Config } from "../config/config.js";
import { loadConfig } from "../config/load.js";
import { mountDevice } from "../fuse/binding/device.js";
import type { KernelOption } from "../fuse/mount-options.js";
import { makeDirectories } from "../libc/directories.js";
import type { HostMount } from "../libc/host-mounts.js";
import { refusal } from "../libc/refusal.js";
import { messageOf } from "../model/errors.js";
import type { Identity } from "../model/identity.js";
import { DataDirLock, type LockHolder } from "../storage/data-dir-lock.js";
import { type Logger, type LogTarget, openLogger } from "../telemetry/logger.js";
import { version } from "../telemetry/version.js";
import type { MountRequest } from "./command-line.js";
import { failureFields } from "./failure-fields.js";
import { isFinishing, PROC } from "./finishing.js";
import { FsThread } from "./fs-thread.js";
import {
  checkMountPoint,
  makeMountPoint,
  requireOutsideMounts,
  resolveMountPoint,
} from "./mount-point.js";
import { findOwnMount, unmountOwn } from "./own-mount.js";

/** How long a daemon that was unmounted may take to finish before the next one gives up. */
const FINISHING_MS = 40_000;
const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/** What the one who started the daemon wants to know. */
export interface Serving {
  readonly mountPoint: string;
  readonly dataDir: string;
  readonly pid: number;
  /** Where it logs; undefined for the terminal. */
  readonly logFile: string | undefined;
}

/** What the one who started the daemon hears of it. */
export interface Audience {
  readonly onReady: (serving: Serving) => void;
  /** Something takes a while: why, in words. */
  readonly onWait: (message: string) => void;
}

/**
 * Mounts, serves until the mount ends or a signal asks to stop, and closes the store. Resolves after
 * a clean end. Errors: those of the configuration, the lock, the mount point and the mount.
 */
export async function serve(request: MountRequest, audience: Audience): Promise<void> {
  const config = loadConfig({
    explicit: request.settings,
    configPath: request.configPath,
    face: "command",
  });
  const { dataDir } = config;
  const mountPoint = resolveMountPoint(request.mountPoint);
  const isStoreNamed = request.settings.has("data_dir") || request.configPath !== undefined;
  if (!isStoreNamed) requireOutsideMounts(mountPoint);
  const log = logTarget(config, request);
  // A directory that is a mount's, or the working directory of a daemon, can't be unmounted.
  if (request.isChild) process.chdir("/");
  const { clearedStale } = await checkMountPoint({
    mountPoint,
    files: config,
    allowNonEmpty: request.allowNonEmpty,
  });
  const namespace = PROC.namespaceOf("self");
  const holder: LockHolder = {
    pid: process.pid,
    mountPoint,
    dataDir,
    ...(namespace === undefined ? {} : { namespace }),
  };
  const lock = await DataDirLock.acquire({
    dataDir,
    holder,
    waitMs: FINISHING_MS,
    isFinishing: (other) => isFinishing(other, { dataDir }),
    onWait: audience.onWait,
  });
  try {
    const logger = openLog(log);
    if (clearedStale) logger.warn({ mountPoint }, "cleared a mount whose daemon was gone");
    const onEnded = () => note(lock, { ...holder, hasEnded: true });
    await serveStore({ config, request, mountPoint, logger, log, audience, onEnded });
    // After an error the thread may still have the store: then the lock goes with the process.
    lock.release();
  } catch (error) {
    note(lock, { ...holder, hasEnded: true, failure: messageOf(error) });
    throw error;
  }
}

interface MountToServe {
  readonly config: Config;
  readonly request: MountRequest;
  readonly mountPoint: string;
  readonly logger: Logger;
  readonly log: LogTarget;
  readonly audience: Audience;
}

/** Opens the store, serves it, and closes it. `onEnded` is told when there is no mount any more. */
async function serveStore({
  onEnded,
  ...mount
}: MountToServe & { onEnded: () => void }): Promise<void> {
  const { config, mountPoint, logger, log } = mount;
  try {
    const thread = await FsThread.start(config, log);
    await serveMount({ ...mount, thread });
    onEnded();
    await thread.close();
    logger.info({ mountPoint }, "stopped");
  } catch (error) {
    const fields = failureFields(error);
    // On a terminal, the line with which the program ends says what somebody can mend.
    if (log.to !== "terminal" || "err" in fields) logger.fatal(fields, "ended by an error");
    throw error;
  }
}

/** For whoever waits for the end, to unmount or to mount again. */
function note(lock: DataDirLock, holder: LockHolder): void {
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
    const what = `the log ${file} can't be written`;
    throw refusal(error, { what, advice: "choose another --log-file", path: file });
  }
}

async function serveMount({
  config,
  request,
  mountPoint,
  thread,
  logger,
  log,
  audience,
}: MountToServe & { thread: FsThread }): Promise<void> {
  const { dataDir } = config;
  // From before there is a mount, so that no signal can leave one behind.
  const stop = listenForStop();
  let own: HostMount | undefined;
  let madeDirectory = false;
  try {
    madeDirectory = makeMountPoint(mountPoint);
    const fd = await mountDevice({
      mountPoint,
      source: dataDir,
      allowOther: config.allowOther,
      kernelOptions: kernelOptions(config, request.kernelOptions),
    });
    own = findOwnMount({ mountPoint, source: dataDir });
    await thread.attach(fd, identityOf(config));
  } catch (error) {
    await detachUnserved(own, logger);
    if (madeDirectory) removeDirectory(mountPoint);
    await thread.close().catch(() => undefined);
    throw error;
  }
  logger.info({ mountPoint, dataDir, version: version() }, "mounted");
  void stop.asked.then((signal) => {
    logger.info({ signal }, "stopping");
    return detach({ own, thread, logger });
  });
  const logFile = log.to === "terminal" ? undefined : log.to.file;
  audience.onReady({ mountPoint, dataDir, pid: process.pid, logFile });
  try {
    await thread.ended;
  } catch (error) {
    // Its users get errors as soon as this process has ended.
    await detachUnserved(own, logger);
    throw error;
  }
  stop.ignoreFromNowOn();
}

/** Takes away a mount that nobody serves: only detaching asks nothing of it. */
async function detachUnserved(own: HostMount | undefined, logger: Logger): Promise<void> {
  try {
    await takeAway(own, { lazy: true, logger });
  } catch (error) {
    logger.error({ err: error, mountPoint: own?.mountPoint }, "can't be unmounted");
  }
}

async function takeAway(
  own: HostMount | undefined,
  { lazy, logger }: { lazy: boolean; logger: Logger },
): Promise<void> {
  const state = await unmountOwn(own, { lazy });
  if (state !== "covered") return;
  logger.warn({ mountPoint: own?.mountPoint }, "another mount covers it: left where it is");
}

/** Takes the mount away; one that is in use is detached, and its users get a moment to finish. */
async function detach({
  own,
  thread,
  logger,
}: {
  own: HostMount | undefined;
  thread: FsThread;
  logger: Logger;
}): Promise<void> {
  try {
    await takeAway(own, { lazy: false, logger });
  } catch (error) {
    const reason = messageOf(error);
    logger.warn({ mountPoint: own?.mountPoint, reason }, "still in use: detaching");
    await detachUnserved(own, logger);
  }
  // Whatever became of it: one that somebody had detached, or that is bound elsewhere or covered,
  // would go on for as long as it is used.
  thread.end();
}

function removeDirectory(mountPoint: string): void {
  try {
    rmdirSync(mountPoint);
  } catch {
    // Somebody uses it already.
  }
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
