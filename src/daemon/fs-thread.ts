import {
  MessageChannel,
  type MessagePort,
  parentPort,
  Worker,
  workerData,
} from "node:worker_threads";
import type { Config } from "../config/config.js";
import { NexusError } from "../model/errors.js";
import type { Identity } from "../model/identity.js";
import type { StagingId } from "../model/ids.js";
import type { Carrier } from "../rpc/carrier.js";
import { PortCarrier } from "../rpc/port-carrier.js";
import type { CollectedPart } from "../sdk/collect-garbage.js";
import type { StagedBytes } from "../sdk/daemon-backup.js";
import type { LogTarget } from "../telemetry/logger.js";
import type { DeviceToServe } from "./device-sessions.js";
import type {
  Failure,
  FromThread,
  FsFigures,
  Setup,
  ThreadAnswer,
  ToThread,
} from "./fs-thread-messages.js";

// Imported, this file gives FsThread; run as a worker thread, it is that one. What the thread needs is loaded
// there alone, because it is most of the program.

const setup = (workerData as { fsThread?: Setup } | null)?.fsThread;
if (setup !== undefined && parentPort !== null) {
  const port = parentPort;
  // Not awaited: what it loads may lie in one file with this, which would wait for itself. A failure is the
  // worker's "error".
  void import("./run-fs-thread.js").then(({ runFsThread }) => runFsThread(setup, port));
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
  readonly #questions = new Map<number, Answer<ThreadAnswer | undefined>>();
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
    this.#post(
      { type: "attach", ...device },
      device.native === undefined ? [] : [device.native.port],
    );
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
    return figures as FsFigures;
  }

  /**
   * Keeps the files of the store, under this name, until {@link endHold}: resolves when all that was closed before is
   * in the database. Errors: `internal` as above, `closed` when it was ended meanwhile, `no-space`, `io-failure`.
   */
  async beginHold(hold: string): Promise<void> {
    await this.#ask((question) => ({ type: "hold", question, hold }));
  }

  /** Staged contents that a hold keeps. Errors: `internal` as above, `not-found` (no such hold). */
  async stagedBytes(hold: string, ids: readonly StagingId[]): Promise<readonly StagedBytes[]> {
    const found = await this.#ask((question) => ({ type: "stagedBytes", question, hold, ids }));
    return found as readonly StagedBytes[];
  }

  /** The hold keeps sealed contents alone from now on. Errors: as above. */
  async letStagedGo(hold: string): Promise<void> {
    await this.#ask((question) => ({ type: "letStagedGo", question, hold }));
  }

  /** One that there isn't has ended already. */
  endHold(hold: string): void {
    this.#post({ type: "endHold", hold });
  }

  /** Finds, or removes, what nothing needs in a part of the store. Errors: `internal` as above, those of collecting. */
  async collect(part: number, action: "look" | "remove"): Promise<CollectedPart> {
    return (await this.#ask((question) => ({
      ...{ type: "collect", question, part, action },
    }))) as CollectedPart;
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
  ): Promise<ThreadAnswer | undefined> {
    this.#requireRunning();
    const question = ++this.#lastQuestion;
    const answer = new Answer<ThreadAnswer | undefined>();
    this.#questions.set(question, answer);
    this.#post(messageOf(question), transfer);
    return await answer.promise;
  }

  #post(message: ToThread, transfer: readonly MessagePort[] = []): void {
    this.#worker.postMessage(message, transfer);
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
        this.#take(message.question)?.resolve(message.value);
        break;
      case "unanswered":
        this.#take(message.question)?.reject(errorOf(message.failure));
        break;
      case "failed":
        this.#fail(errorOf(message.failure));
    }
  }

  #take(question: number): Answer<ThreadAnswer | undefined> | undefined {
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
