import type { Config } from "../config/config.js";
import { TimerScheduler } from "../model/clock.js";
import { messageOf, NexusError } from "../model/errors.js";
import { runEach } from "../model/run-each.js";
import type { HeldMount } from "../storage/data-dir-lock.js";
import type { Logger, LogTarget } from "../telemetry/logger.js";
import { controlMethods } from "./control-methods.js";
import { type ControlServer, serveControl } from "./control-server.js";
import { FsThread } from "./fs-thread.js";
import { Holders } from "./holders.js";
import { kernelHost } from "./mount-host.js";
import type { MountSpec } from "./mount-spec.js";
import { Mounts } from "./mounts.js";
import { MountsFile } from "./mounts-file.js";
import type { Supervisor } from "./supervisor.js";

/** How long clients may take to finish what is under way when the last mount has ended. */
const ENDING_MS = 30_000;
/** The same when the daemon was told to end: as long as who has files open on a mount. */
const STOPPING_MS = 3000;

export interface DaemonOptions {
  readonly config: Config;
  readonly log: LogTarget;
  readonly logger: Logger;
  /** Stay when the last mount has ended. */
  readonly persist: boolean;
  readonly supervisor: Supervisor;
  /** Tells others which mounts there are; undefined when the last one has ended. */
  readonly onMounts: (mounts: readonly HeldMount[] | undefined) => void;
}

/** How a daemon has begun. */
export interface Beginning {
  /** How many there are now. */
  readonly mounts: number;
  /** Whether it stays without any. */
  readonly persists: boolean;
  /** What couldn't be mounted again after a crash, in words. */
  readonly problems: readonly string[];
}

/**
 * What owns a data directory and serves it: the fs thread, the mounts, the socket, and the state file.
 * It ends with its last mount, unless it is to persist or somebody on the socket waits for the answer to a
 * control operation; what clients have under way then is finished before.
 * The caller has the lock.
 */
export class Daemon {
  /** Resolves when there is nothing left to serve. */
  readonly finished: Promise<void>;
  readonly #options: DaemonOptions;
  readonly #thread: FsThread;
  readonly #mounts: Mounts;
  readonly #file: MountsFile;
  /** What a crash has left and nobody has mounted again yet. */
  #toRestore: readonly MountSpec[] = [];
  #control: ControlServer | undefined;
  #state: "starting" | "serving" | "stopping" | "finished" = "starting";
  #isStopping = false;
  /** Whether it stays without mounts. */
  #persists = false;
  #finish: () => void = () => undefined;

  private constructor(options: DaemonOptions, thread: FsThread) {
    const { config, logger } = options;
    this.#options = options;
    this.#thread = thread;
    this.#file = new MountsFile(config.dataDir);
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
    // Before its mounts end for it: the state file shall still have them.
    thread.failed.catch(() => {
      this.#state = "finished";
    });
    this.#mounts = new Mounts({
      server: thread,
      host: kernelHost({ files: config, source: config.dataDir }),
      logger,
      dataDir: config.dataDir,
      now: () => new Date(),
      onChange: () => this.#noteMounts(),
    });
  }

  /** Opens the store and the socket. Errors: those of `compose`. */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const daemon = new Daemon(options, await FsThread.start(options.config, options.log));
    await daemon.#openSocket();
    options.supervisor.watch(() => daemon.#thread.figures());
    return daemon;
  }

  /**
   * Mounts what is asked for, and then what a crash has left, each as it was. Errors:
   * those of the mount that was asked for; then what the crash has left is for the next daemon.
   */
  async begin(asked: MountSpec | undefined): Promise<Beginning> {
    const { mounts: left, persists, problems } = this.#file.read();
    this.#toRestore = left;
    this.#persists = persists;
    if (asked !== undefined) await this.#mounts.add(asked);
    this.#persists ||= this.#options.persist;
    const failures = [...problems];
    for (const spec of this.#toRestore) {
      if (spec.mountPoint === asked?.mountPoint) continue;
      try {
        await this.#mounts.restore(spec);
      } catch (error) {
        failures.push(`${spec.mountPoint} is not mounted again: ${messageOf(error)}`);
      }
      // Until now the state file has it, in case this process crashes, too.
      this.#toRestore = this.#toRestore.filter((other) => other !== spec);
    }
    for (const problem of failures) this.#options.logger.warn(problem);
    this.#toRestore = [];
    if (this.#state === "starting") this.#state = "serving";
    this.#noteMounts();
    const mounts = this.#mounts.list().length;
    return { mounts, persists: this.#persists, problems: failures };
  }

  /** Ends all mounts, those in use after a grace period, and then the daemon. */
  stop(reason: string): void {
    if (this.#isStopping || this.#state === "finished") return;
    this.#isStopping = true;
    this.#state = "stopping";
    this.#options.logger.info({ reason }, "stopping");
    this.#options.supervisor.stopping();
    void this.#mounts.close().then(() => this.#noteMounts());
  }

  /**
   * Resolves when there is nothing left to do and everything is on disk. Rejects when the fs thread
   * failed: then the mounts are gone, and the state file stands for the next daemon.
   */
  async run(): Promise<void> {
    try {
      await Promise.race([this.finished, this.#thread.failed]);
    } catch (error) {
      await this.#mounts.whenAllOver();
      throw error;
    }
    await this.#close({ limitMs: this.#isStopping ? STOPPING_MS : ENDING_MS });
  }

  /** After a start that failed. What is wrong now adds nothing to why. */
  async abandon(): Promise<void> {
    this.#state = "finished";
    await this.#mounts.close();
    await this.#close({ limitMs: STOPPING_MS }).catch(() => undefined);
  }

  /** `limitMs` is how long clients may take. */
  async #close({ limitMs }: { limitMs: number }): Promise<void> {
    this.#options.supervisor.stopping();
    await runEach([
      () => this.#thread.clearClients({ limitMs }),
      () => this.#control?.close(),
      () => this.#thread.close(),
    ]);
  }

  async #openSocket(): Promise<void> {
    const { config, log, logger } = this.#options;
    const now = () => new Date();
    const methods = controlMethods({
      ...{ config, mounts: this.#mounts },
      persists: () => this.#persists,
      persist: () => this.#persist(),
      startedAt: new Date(),
      now,
      clients: () => this.#control?.clients ?? 0,
      figures: () => this.#thread.figures(),
      holds: this.#thread,
      holders: new Holders({ now, scheduler: new TimerScheduler(), logger }),
      collector: this.#thread,
      isStopping: () => this.#isStopping,
      stop: (reason) => this.stop(reason),
      logFile: log.to === "terminal" ? undefined : log.to.file,
    });
    try {
      this.#control = await serveControl({
        dataDir: config.dataDir,
        methods,
        openClient: async ({ identity }) => {
          if (this.#state === "finished") throw new NexusError("closed", "the daemon is ending");
          return await this.#thread.openClient(identity);
        },
        health: () => this.#health(),
        onIdle: () => this.#endIfDone(),
        logger,
      });
    } catch (error) {
      // The mounts are worth more: they work without.
      logger.error({ err: error }, "the control socket can't be opened");
    }
  }

  #health(): { readonly isHealthy: boolean; readonly pid: number; readonly mounts: number } {
    const isHealthy = this.#state === "serving" && !this.#thread.hasFailed;
    return { isHealthy, pid: process.pid, mounts: this.#mounts.list().length };
  }

  /** After a mount came or went: for the next daemon, for other processes, for the supervisor. */
  #noteMounts(): void {
    if (this.#state === "finished") return;
    const { onMounts, supervisor } = this.#options;
    const mounts = this.#mounts.list();
    this.#remember(mounts.map(({ spec }) => spec));
    const [first] = mounts;
    supervisor.status(
      mounts.length === 1 ? `serving ${first?.spec.mountPoint}` : `serving ${mounts.length} mounts`,
    );
    if (this.#endIfDone()) return;
    onMounts(mounts.map(({ id, spec }) => ({ id, mountPoint: spec.mountPoint })));
  }

  /** From now on it stays without mounts. After a crash the next one does, too, if there were mounts then. */
  #persist(): void {
    this.#persists = true;
    this.#noteMounts();
  }

  #remember(mounts: readonly MountSpec[]): void {
    const isThere = (spec: MountSpec) =>
      mounts.some(({ mountPoint }) => mountPoint === spec.mountPoint);
    try {
      this.#file.write({
        mounts: [...mounts, ...this.#toRestore.filter((spec) => !isThere(spec))],
        persists: this.#persists,
      });
    } catch (error) {
      this.#options.logger.error(
        { err: error },
        "the mounts can't be written down for after a crash",
      );
    }
  }

  /** Returns whether it is done. */
  #endIfDone(): boolean {
    if (!this.#mounts.isEmpty || this.#state === "starting") return false;
    const isWanted = this.#persists || this.#control?.isBusy() === true;
    if (this.#state === "serving" && isWanted) return false;
    if (this.#state !== "finished") this.#options.onMounts(undefined);
    this.#state = "finished";
    this.#finish();
    return true;
  }
}
