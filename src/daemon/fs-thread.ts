import { closeSync } from "node:fs";
import { parentPort, Worker, workerData } from "node:worker_threads";
import { compose, type Nexus } from "../compose.js";
import type { Config } from "../config/config.js";
import { Pump } from "../fuse/pump.js";
import { Session } from "../fuse/session.js";
import { type ErrorKind, messageOf, NexusError } from "../model/errors.js";
import type { Identity } from "../model/identity.js";
import { type Logger, type LogTarget, openLogger } from "../telemetry/logger.js";
import { Callers } from "./callers/callers.js";
import { readUserDatabase } from "./callers/user-database.js";
import { failureFields } from "./failure-fields.js";

// This file is both ends of the fs thread: imported, it gives FsThread; run as a worker thread, it
// opens the store and serves the devices that it is given.

/** How long a detached mount is served for those who still have files open. */
const GRACE_MS = 3000;
/** How long contents are sealed before closing; what is left is taken up at the next start. */
const DRAIN_MS = 30_000;

interface Setup {
  readonly config: Config;
  readonly log: LogTarget;
}

type ToThread =
  | { readonly type: "attach"; readonly fd: number; readonly identity: Identity }
  /** The mount is detached: end it, also if somebody still holds it. */
  | { readonly type: "end" }
  | { readonly type: "close" };

type FromThread =
  | { readonly type: "opened" | "ready" | "ended" | "closed" }
  | { readonly type: "failed"; readonly kind: ErrorKind; readonly message: string };

const setup = (workerData as { fsThread?: Setup } | null)?.fsThread;
if (setup !== undefined && parentPort !== null) runThread(setup, parentPort);

function runThread({ config, log }: Setup, port: NonNullable<typeof parentPort>): void {
  const logger = openLogger(log, "fs");
  const say = (message: FromThread) => port.postMessage(message);
  const fail = (error: unknown) => {
    const kind = error instanceof NexusError ? error.kind : "internal";
    const fields = failureFields(error);
    if (log.to !== "terminal" || "err" in fields) logger.fatal(fields, "the file system failed");
    say({ type: "failed", kind, message: messageOf(error) });
  };
  try {
    const pump = new Pump();
    const nexus = compose({ config, scheduler: pump, logger });
    const attach = (fd: number, identity: Identity) =>
      attachSession({ pump, nexus, logger, say, fail }, { fd, identity, config });
    let end: (() => void) | undefined;
    port.on("message", (message: ToThread) => {
      if (message.type === "attach") {
        try {
          end = attach(message.fd, message.identity);
        } catch (error) {
          fail(error); // an exception that leaves this handler would lose its kind
        }
      } else if (message.type === "end") {
        pump.after(GRACE_MS, () => end?.());
      } else {
        nexus
          .close({ drainMs: DRAIN_MS })
          .then(() => say({ type: "closed" }), fail)
          .finally(() => {
            pump.stop();
            port.close();
          });
      }
    });
    say({ type: "opened" });
    pump.run().catch(fail);
  } catch (error) {
    fail(error);
  }
}

/** Serves a device and closes it at the end. Returns what ends the session before the kernel does. */
function attachSession(
  {
    pump,
    nexus,
    logger,
    say,
    fail,
  }: {
    pump: Pump;
    nexus: Nexus;
    logger: Logger;
    say: (message: FromThread) => void;
    fail: (error: unknown) => void;
  },
  { fd, identity, config }: { fd: number; identity: Identity; config: Config },
): () => void {
  let callers: Callers | undefined;
  try {
    callers = callersOf(config, identity);
    if (!config.readOnly) {
      // What is there stays as it is: the directories of several users have to be open to them.
      for (const { identity: theirs, owner } of callers?.welcomes ?? []) {
        nexus.welcome(theirs, { owner });
      }
      nexus.welcome(identity);
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  if (callers !== undefined && !config.allowOther) {
    logger.warn("'identities' without 'allow_other': nobody but who mounts comes in");
  }
  const session = new Session({
    fd,
    fs: nexus.fileSystem,
    identify: ({ uid, gid, pid }) =>
      callers === undefined ? { uid, gid, pid, identity } : callers.identify({ uid, gid, pid }),
    callersDiffer: callers !== undefined,
    logger,
    onReady: () => say({ type: "ready" }),
    onEnd: (failure) => {
      closeSync(fd);
      logger.info({ requests: session.requestsServed }, "the mount has ended");
      if (failure === undefined) say({ type: "ended" });
      else fail(failure);
    },
  });
  pump.add(session);
  return () => session.abort();
}

/** Undefined when all users of a mount have its own identity. */
function callersOf({ identities: rules }: Config, own: Identity): Callers | undefined {
  if (rules.length === 0) return undefined;
  const ownerUid = process.getuid?.() ?? 0;
  return new Callers({ rules, own, ownerUid, users: readUserDatabase() });
}

/** The thread that serves the mount and owns the store, as the main thread sees it. */
export class FsThread {
  readonly #worker: Worker;
  readonly #listeners = new Set<Listener>();
  /** Set once the thread can't answer any more. */
  #failure: NexusError | undefined;
  /** Resolves when the kernel has let go of the mount; rejects when the thread fails before. */
  readonly ended: Promise<void>;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on("message", (message: FromThread) => {
      if (message.type === "failed") this.#fail(new NexusError(message.kind, message.message));
      else this.#hear(message.type);
    });
    worker.on("error", (cause) => {
      this.#fail(new NexusError("internal", `the fs thread failed: ${cause.message}`, { cause }));
    });
    worker.on("exit", () => this.#fail(new NexusError("internal", "the fs thread has ended")));
    this.ended = this.#next("ended");
    // Whoever doesn't wait for the end hears of a failure elsewhere.
    this.ended.catch(() => undefined);
  }

  /** Opens the store on a new thread. Errors: those of `compose`. */
  static async start(config: Config, log: LogTarget): Promise<FsThread> {
    const setup: Setup = { config, log };
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { fsThread: setup },
      // The device is opened by one thread and closed by another.
      trackUnmanagedFds: false,
    });
    const thread = new FsThread(worker);
    await thread.#next("opened");
    return thread;
  }

  /**
   * Serves a device, which is the thread's from now on; resolves when the mount answers. Errors:
   * `not-supported` (a kernel that we can't agree with), `not-found` (unmounted meanwhile), those of
   * the store.
   */
  async attach(fd: number, identity: Identity): Promise<void> {
    const ready = this.#next("ready").then(() => true);
    this.#post({ type: "attach", fd, identity });
    if (await Promise.race([ready, this.ended.then(() => false)])) return;
    throw new NexusError("not-found", "it was unmounted before it answered", { op: "mount" });
  }

  /** Ends a mount that was detached, after a grace period for those who still use it. */
  end(): void {
    this.#post({ type: "end" });
  }

  /** Drains and closes the store. Rejects when the thread failed, now or before. */
  async close(): Promise<void> {
    const closed = this.#next("closed");
    this.#post({ type: "close" });
    await closed;
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  /** The next message of this type. */
  #next(type: FromThread["type"]): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#listeners.add({ type, resolve, reject });
    });
  }

  #hear(type: FromThread["type"]): void {
    for (const listener of this.#listeners) {
      if (listener.type !== type) continue;
      this.#listeners.delete(listener);
      listener.resolve();
    }
  }

  #fail(failure: NexusError): void {
    this.#failure ??= failure;
    for (const { reject } of this.#listeners) reject(this.#failure);
    this.#listeners.clear();
  }
}

interface Listener {
  readonly type: FromThread["type"];
  readonly resolve: () => void;
  readonly reject: (error: NexusError) => void;
}
