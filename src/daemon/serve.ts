import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Config } from "../config/config.js";
import { loadConfig } from "../config/load.js";
import { supervisionOf } from "../config/supervision.js";
import { makeDirectories } from "../libc/directories.js";
import { nexusMountAt } from "../libc/host-mounts.js";
import { refusal } from "../libc/refusal.js";
import { isKind, messageOf } from "../model/errors.js";
import { DataDirLock, type LockHolder } from "../storage/data-dir-lock.js";
import { type Logger, type LogTarget, openLogger } from "../telemetry/logger.js";
import type { MountRequest } from "./command-line.js";
import { Daemon } from "./daemon.js";
import { failureFields } from "./failure-fields.js";
import { isFinishing, PROC } from "./finishing.js";
import { type Joined, joinDaemon } from "./join.js";
import { checkMountPoint, requireOutsideMounts, resolveMountPoint } from "./mount-point.js";
import { type MountSpec, mountSpec } from "./mount-spec.js";
import { listenForStop } from "./stop-signals.js";
import { type Supervisor, supervisorOf } from "./supervisor.js";
import { isUnserved } from "./unserved.js";

/** How long a daemon that was unmounted may take to finish before the next one gives up. */
const FINISHING_MS = 70_000;
const POLL_MS = 50;

/** What the one who started the daemon wants to know. */
export interface Serving {
  /** Undefined when none was asked for. */
  readonly mountPoint: string | undefined;
  readonly dataDir: string;
  /** The daemon: this process, or the one that was running already. */
  readonly pid: number;
  /** How many mounts this process serves; none when another one does. */
  readonly mounts: number;
  /** Whether it goes on without any. */
  readonly stays: boolean;
  /** Where it logs; undefined for the terminal. */
  readonly logFile: string | undefined;
}

/** What the one who started the daemon hears of it. */
export interface Audience {
  readonly onReady: (serving: Serving) => void;
  /** Something takes a while or is not as it was: what, in words. */
  readonly onWait: (message: string) => void;
}

/** What there is to serve. */
interface Task {
  readonly config: Config;
  readonly request: MountRequest;
  /** Undefined when only what a crash has left is to be mounted again. */
  readonly spec: MountSpec | undefined;
  readonly log: LogTarget;
  readonly audience: Audience;
}

/**
 * Mounts, serves until the last mount ends or a signal asks to stop, and closes the store. Where a
 * daemon has the data directory already, that one is asked for the mount; then this only waits for its
 * end, in the foreground. Resolves after a clean end. Errors: those of the configuration, the lock, the
 * mount point and the mount.
 */
export async function serve(request: MountRequest, audience: Audience): Promise<void> {
  const config = loadConfig({
    explicit: request.settings,
    configPath: request.configPath,
    face: "command",
  });
  const spec = specOf(request, config);
  const log = logTarget(config, request);
  // A directory that is a mount's, or the working directory of a daemon, can't be unmounted.
  if (request.isChild) process.chdir("/");
  const task: Task = { config, request, spec, log, audience };
  const holder = holderOf(task);
  const restored = await joinRestored(task);
  if (restored !== undefined) return await stayJoined(restored, task);
  let clearedStale = false;
  if (spec !== undefined) {
    const { mountPoint, allowNonEmpty } = spec;
    ({ clearedStale } = await checkMountPoint({
      mountPoint,
      files: config,
      allowNonEmpty,
      isUnserved,
    }));
  }
  const owner = await lockOrJoin(task, holder);
  if (!(owner instanceof DataDirLock)) return await stayJoined(owner, task);
  try {
    const logger = openLog(log);
    if (clearedStale) {
      logger.warn({ mountPoint: spec?.mountPoint }, "cleared a mount whose daemon was gone");
    }
    await serveStore(task, { holder, lock: owner, logger });
    // After an error the thread may still have the store: then the lock goes with the process.
    owner.release();
  } catch (error) {
    note(owner, { ...holder, hasEnded: true, failure: messageOf(error) });
    throw error;
  }
}

function specOf(request: MountRequest, config: Config): MountSpec | undefined {
  if (request.mountPoint === undefined) return undefined;
  const mountPoint = resolveMountPoint(request.mountPoint);
  const isStoreNamed = request.settings.has("data_dir") || request.configPath !== undefined;
  if (!isStoreNamed) requireOutsideMounts(mountPoint);
  const { kernelOptions, allowNonEmpty } = request;
  return mountSpec(config, { mountPoint, kernelOptions, allowNonEmpty });
}

/** What others read of this process, once it has the data directory. */
function holderOf({ config: { dataDir }, spec }: Task): LockHolder {
  const namespace = PROC.namespaceOf("self");
  return {
    pid: process.pid,
    dataDir,
    ...(spec === undefined ? {} : { mountPoint: spec.mountPoint }),
    ...(namespace === undefined ? {} : { namespace }),
  };
}

/** The daemon may have made the mount again after a crash, before the one who wants it has come back. */
async function joinRestored({ config, spec, request }: Task): Promise<Joined | undefined> {
  if (spec === undefined || nexusMountAt(spec.mountPoint)?.source !== config.dataDir)
    return undefined;
  const joined = await joinDaemon({ config, spec, persist: request.persist });
  return typeof joined === "string" ? undefined : joined;
}

/** Takes the data directory, or gets the mount from the daemon that has it. */
async function lockOrJoin(
  { config, spec, request, audience }: Task,
  holder: LockHolder,
): Promise<DataDirLock | Joined> {
  const { dataDir } = config;
  const deadline = performance.now() + FINISHING_MS;
  for (;;) {
    try {
      return await DataDirLock.acquire({
        dataDir,
        holder: { ...holder, isStarting: true },
        waitMs: FINISHING_MS,
        isFinishing: (other) => isFinishing(other, { dataDir }),
        onWait: audience.onWait,
      });
    } catch (error) {
      if (!isKind(error, "in-use") || spec === undefined) throw error;
      const joined = await joinDaemon({ config, spec, persist: request.persist });
      if (typeof joined !== "string") return joined;
      const isLeaving = joined === "ending" || DataDirLock.isLeft(dataDir);
      if (!isLeaving || performance.now() > deadline) throw error;
      await setTimeout(POLL_MS);
    }
  }
}

/** Another process serves the mount. In the foreground, this one stays for as long as there is the mount. */
async function stayJoined(joined: Joined, { request, spec, log, audience }: Task): Promise<void> {
  const { pid, dataDir, logFile, stays } = joined;
  if (request.persist && !stays) {
    audience.onWait(`the daemon (process ${pid}) is of a version that ends with its last mount`);
  }
  const serving = { mountPoint: spec?.mountPoint, dataDir, pid, mounts: 0, stays: false, logFile };
  try {
    if (!request.foreground) return audience.onReady(serving);
    const logger = openLog(log);
    const supervisor = supervisorOf(supervisionOf(), { logger });
    const stop = listenForStop();
    const mountPoint = spec?.mountPoint;
    logger.info({ mountPoint, dataDir, daemon: pid }, "mounted by the daemon that was running");
    audience.onReady(serving);
    supervisor.ready();
    supervisor.status(`waiting for ${mountPoint}, which process ${pid} serves`);
    const ended = joined.ended();
    void stop.asked.then((signal) => {
      logger.info({ signal }, "stopping");
      supervisor.stopping();
      // When the daemon is gone, so is the mount: `ended` says so.
      return joined.end().catch((error) => logger.error({ err: error }, "can't be unmounted"));
    });
    await ended;
    stop.ignoreFromNowOn();
    logger.info({ mountPoint }, "the mount has ended");
  } finally {
    joined.leave();
  }
}

/** Opens the store, serves it, and closes it. */
async function serveStore(
  task: Task,
  { holder, lock, logger }: { holder: LockHolder; lock: DataDirLock; logger: Logger },
): Promise<void> {
  const { config, request, log } = task;
  const { mountPoint: _asked, ...daemonItself } = holder;
  const supervisor = supervisorOf(supervisionOf(), { logger });
  try {
    const daemon = await Daemon.start({
      ...{ config, log, logger, supervisor },
      persist: request.persist,
      onMounts: (mounts) => {
        if (mounts === undefined) return note(lock, { ...holder, hasEnded: true });
        const [first] = mounts;
        const at = first === undefined ? {} : { mountPoint: first.mountPoint };
        note(lock, { ...daemonItself, ...at, mounts });
      },
    });
    await begin(daemon, { task, supervisor });
    await daemon.run();
    logger.info({ dataDir: config.dataDir }, "stopped");
  } catch (error) {
    const fields = failureFields(error);
    // On a terminal, the line with which the program ends says what somebody can mend.
    if (log.to !== "terminal" || "err" in fields) logger.fatal(fields, "ended by an error");
    throw error;
  }
}

async function begin(
  daemon: Daemon,
  { task, supervisor }: { task: Task; supervisor: Supervisor },
): Promise<void> {
  const { config, spec, log, audience } = task;
  // From before there is a mount, so that no signal can leave one behind.
  const stop = listenForStop();
  void stop.asked.then((signal) => daemon.stop(signal));
  void daemon.finished.then(() => stop.ignoreFromNowOn());
  try {
    const { mounts, persists, problems } = await daemon.begin(spec);
    for (const problem of problems) audience.onWait(problem);
    const logFile = log.to === "terminal" ? undefined : log.to.file;
    audience.onReady({
      ...{ mountPoint: spec?.mountPoint, dataDir: config.dataDir, pid: process.pid },
      ...{ mounts, stays: persists, logFile },
    });
    supervisor.ready();
  } catch (error) {
    await daemon.abandon();
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

/** The terminal sees the log of a process in the foreground; else, and if asked, a file has it. */
function logTarget({ logLevel, logFile, dataDir }: Config, request: MountRequest): LogTarget {
  if (request.foreground && logFile === undefined) return { level: logLevel, to: "terminal" };
  return { level: logLevel, to: { file: logFile ?? join(dataDir, "nexus-mount.log") } };
}
