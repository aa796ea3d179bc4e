import {
  MessageChannel,
  type MessagePort,
  parentPort,
  Worker,
  workerData,
} from "node:worker_threads";
import { compose, type StoreFigures } from "../compose.js";
import type { Config } from "../config/config.js";
import { Coherence } from "../fuse/invalidation/coherence.js";
import { Pump } from "../fuse/pump.js";
import { type ErrorKind, messageOf, NexusError } from "../model/errors.js";
import type { Identity } from "../model/identity.js";
import type { Carrier } from "../rpc/carrier.js";
import { PortCarrier } from "../rpc/port-carrier.js";
import { type LogTarget, openLogger } from "../telemetry/logger.js";
import { type DeviceFigures, DeviceSessions, type DeviceToServe } from "./device-sessions.js";
import { failureFields } from "./failure-fields.js";
import { ServedClients } from "./served-clients.js";

// This file is both ends of the fs thread: imported, it gives FsThread; run as a worker thread, it
// opens the store and serves the devices that it is given.

/** How long contents are sealed before closing; what is left is taken up at the next start. */
const DRAIN_MS = 30_000;

interface Setup {
  readonly config: Config;
  readonly log: LogTarget;
}

/** What the thread does at a moment, in numbers. */
export interface FsFigures {
  readonly store: StoreFigures;
  readonly devices: readonly DeviceFigures[];
}

type ToThread =
  | ({ readonly type: "attach" } & DeviceToServe)
  /** The mount is detached: end it, also if somebody still holds it. */
  | { readonly type: "end"; readonly mount: number }
  | { readonly type: "figures"; readonly question: number }
  /** Serves the store to a client at the other end of the port. */
  | {
      readonly type: "client";
      readonly question: number;
      readonly identity: Identity;
      readonly port: MessagePort;
    }
  /** Has all clients leave. */
  | { readonly type: "clear"; readonly question: number; readonly limitMs: number }
  | { readonly type: "close" };

/** An error on its way to the other thread. */
interface Failure {
  readonly kind: ErrorKind;
  readonly message: string;
}

type FromThread =
  | { readonly type: "opened" | "closed" }
  | { readonly type: "ready"; readonly mount: number }
  | { readonly type: "ended"; readonly mount: number; readonly failure?: Failure }
  | { readonly type: "answered"; readonly question: number; readonly figures?: FsFigures }
  | { readonly type: "unanswered"; readonly question: number; readonly failure: Failure }
  /** The thread can do nothing more. */
  | { readonly type: "failed"; readonly failure: Failure };

const setup = (workerData as { fsThread?: Setup } | null)?.fsThread;
if (setup !== undefined && parentPort !== null) runThread(setup, parentPort);

function runThread({ config, log }: Setup, port: NonNullable<typeof parentPort>): void {
  const logger = openLogger(log, "fs");
  const say = (message: FromThread) => port.postMessage(message);
  const fail = (error: unknown) => {
    const fields = failureFields(error);
    if (log.to !== "terminal" || "err" in fields) logger.fatal(fields, "the file system failed");
    say({ type: "failed", failure: failureOf(error) });
  };
  const answer = ({ question }: { question: number }, ask: () => FsFigures | undefined) => {
    try {
      const figures = ask();
      say({ type: "answered", question, ...(figures && { figures }) });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === "internal") logger.error({ err: error }, "the store can't be asked");
      say({ type: "unanswered", question, failure });
    }
  };
  try {
    const pump = new Pump();
    // Each mount is read-only for itself.
    const nexus = compose({ config: { ...config, readOnly: false }, scheduler: pump, logger });
    const coherence = new Coherence({ changes: nexus.changes });
    const devices = new DeviceSessions({
      ...{ pump, nexus, coherence, logger },
      onReady: (mount) => say({ type: "ready", mount }),
      onEnd: (mount, failure) =>
        say({ type: "ended", mount, ...(failure && { failure: failureOf(failure) }) }),
    });
    const clients = new ServedClients({
      ...{ pump, nexus, coherence, logger },
      dataDir: config.dataDir,
    });
    port.on("message", (message: ToThread) => {
      switch (message.type) {
        case "attach":
          try {
            devices.attach(message);
          } catch (error) {
            say({ type: "ended", mount: message.mount, failure: failureOf(error) });
          }
          break;
        case "end":
          devices.end(message.mount);
          break;
        case "figures":
          answer(message, () => ({ store: nexus.figures(), devices: devices.figures() }));
          break;
        case "client":
          answer(message, () => {
            clients.serve(message);
            return undefined;
          });
          break;
        case "clear":
          void clients.leave(message).then(() => answer(message, () => undefined));
          break;
        case "close":
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

/** An exception that left a message handler would lose its kind. */
function failureOf(error: unknown): Failure {
  return {
    kind: error instanceof NexusError ? error.kind : "internal",
    message: messageOf(error),
  };
}

/** A device that is served. */
export interface ServedDevice {
  /** Resolves when the kernel has let go of the mount; rejects when the thread fails before. */
  readonly ended: Promise<void>;
  /** Ends a mount that was detached, after a grace period for those who still use it. */
  end(): void;
}

/** The thread that serves the mounts and owns the store, as the main thread sees it. */
export class FsThread {
  readonly #worker: Worker;
  readonly #opened = new Answer<void>();
  readonly #closed = new Answer<void>();
  readonly #devices = new Map<number, { ready: Answer<void>; ended: Answer<void> }>();
  readonly #questions = new Map<number, Answer<FsFigures | undefined>>();
  #lastQuestion = 0;
  /** Set once the thread can't answer any more. */
  #failure: NexusError | undefined;
  readonly #failed = new Answer<never>();

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on("message", (message: FromThread) => this.#hear(message));
    worker.on("error", (cause) => {
      this.#fail(new NexusError("internal", `the fs thread failed: ${cause.message}`, { cause }));
    });
    worker.on("exit", () => this.#fail(new NexusError("internal", "the fs thread has ended")));
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
    await thread.#opened.promise;
    return thread;
  }

  /** Whether it can't answer any more. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Rejects when the thread fails, before it is asked to close. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /**
   * Serves a device, which is the thread's from now on; resolves when the mount answers. Errors:
   * `not-supported` (a kernel that we can't agree with), `not-found` (unmounted meanwhile), those of
   * the store.
   */
  async attach(device: DeviceToServe): Promise<ServedDevice> {
    this.#requireRunning();
    const { mount } = device;
    const answers = { ready: new Answer<void>(), ended: new Answer<void>() };
    this.#devices.set(mount, answers);
    this.#post({ type: "attach", ...device });
    const ended = answers.ended.promise;
    const isReady = answers.ready.promise.then(() => true);
    if (await Promise.race([isReady, ended.then(() => false)])) {
      return { ended, end: () => this.#post({ type: "end", mount }) };
    }
    throw new NexusError("not-found", "it was unmounted before it answered", { op: "mount" });
  }

  /**
   * Serves the store to a client of this identity, over what is returned. Errors: as above, and `closed` once
   * the clients were told to leave.
   */
  async openClient(identity: Identity): Promise<Carrier> {
    const { port1, port2 } = new MessageChannel();
    const carrier = new PortCarrier(port1);
    try {
      await this.#ask((question) => ({ type: "client", question, identity, port: port2 }), [port2]);
      return carrier;
    } catch (error) {
      carrier.close();
      throw error;
    }
  }

  /**
   * Has the clients leave: resolves when what they have asked for is done, or was aborted after `limitMs`.
   * What only waits is ended at once. Errors: `internal` as above.
   */
  async clearClients({ limitMs }: { readonly limitMs: number }): Promise<void> {
    await this.#ask((question) => ({ type: "clear", question, limitMs }));
  }

  /** What the thread does now. Errors: `internal` when it can't answer any more, those of the store. */
  async figures(): Promise<FsFigures> {
    const figures = await this.#ask((question) => ({ type: "figures", question }));
    if (figures === undefined) throw new NexusError("internal", "the fs thread has no figures");
    return figures;
  }

  /** Drains and closes the store. Rejects when the thread failed, now or before. */
  async close(): Promise<void> {
    this.#requireRunning();
    this.#post({ type: "close" });
    await this.#closed.promise;
  }

  async #ask(
    messageOf: (question: number) => ToThread,
    transfer: readonly MessagePort[] = [],
  ): Promise<FsFigures | undefined> {
    this.#requireRunning();
    const question = ++this.#lastQuestion;
    const answer = new Answer<FsFigures | undefined>();
    this.#questions.set(question, answer);
    this.#worker.postMessage(messageOf(question), transfer);
    return await answer.promise;
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #requireRunning(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #hear(message: FromThread): void {
    switch (message.type) {
      case "opened":
        this.#opened.resolve();
        break;
      case "closed":
        this.#closed.resolve();
        break;
      case "ready":
        this.#devices.get(message.mount)?.ready.resolve();
        break;
      case "ended": {
        const ended = this.#devices.get(message.mount)?.ended;
        this.#devices.delete(message.mount);
        if (message.failure === undefined) ended?.resolve();
        else ended?.reject(errorOf(message.failure));
        break;
      }
      case "answered":
        this.#take(message.question)?.resolve(message.figures);
        break;
      case "unanswered":
        this.#take(message.question)?.reject(errorOf(message.failure));
        break;
      case "failed":
        this.#fail(errorOf(message.failure));
    }
  }

  #take(question: number): Answer<FsFigures | undefined> | undefined {
    const answer = this.#questions.get(question);
    this.#questions.delete(question);
    return answer;
  }

  /** Whatever somebody waits for doesn't come any more. */
  #fail(failure: NexusError): void {
    this.#failure ??= failure;
    const waiting = [
      ...[this.#opened, this.#closed, this.#failed],
      ...[...this.#devices.values()].flatMap(({ ready, ended }) => [ready, ended]),
      ...this.#questions.values(),
    ];
    for (const answer of waiting) answer.reject(this.#failure);
    this.#devices.clear();
    this.#questions.clear();
  }
}

function errorOf({ kind, message }: Failure): NexusError {
  return new NexusError(kind, message);
}

/** A promise that is settled from outside. */
class Answer<T> {
  readonly promise: Promise<T>;
  resolve: (value: T) => void = () => undefined;
  reject: (error: NexusError) => void = () => undefined;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Nobody may be waiting; whoever asks hears of a failure.
    this.promise.catch(() => undefined);
  }
}
