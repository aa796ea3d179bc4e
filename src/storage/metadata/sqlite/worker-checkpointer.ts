import type { Worker } from "node:worker_threads";
import type { Logger } from "../../../telemetry/logger.js";
import { endThread } from "../../end-thread.js";
import type { CheckpointRequest, CheckpointResponse } from "./checkpoint-worker.js";
import type { Checkpointer } from "./checkpointer.js";

export interface WorkerCheckpointerOptions {
  readonly databasePath: string;
  readonly startThread: () => Worker;
  readonly logger: Logger;
}

/** Checkpoints on a worker thread, one at a time. */
export class WorkerCheckpointer implements Checkpointer {
  readonly #path: string;
  readonly #startThread: () => Worker;
  readonly #logger: Logger;
  #thread: Worker | undefined;
  #running: Promise<boolean> | undefined;
  #finish: ((succeeded: boolean) => void) | undefined;

  constructor({ databasePath, startThread, logger }: WorkerCheckpointerOptions) {
    this.#path = databasePath;
    this.#startThread = startThread;
    this.#logger = logger;
  }

  run(): Promise<boolean> {
    this.#running ??= this.#runOnce().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async close(): Promise<void> {
    // Whoever closes waits for what is under way, too.
    this.#thread?.ref();
    await this.#running;
    if (this.#thread !== undefined) await endThread(this.#thread);
  }

  async #runOnce(): Promise<boolean> {
    try {
      this.#thread ??= this.#start();
    } catch (error) {
      this.#logger.error({ err: error }, "checkpoint failed");
      return false;
    }
    this.#thread.postMessage(this.#path satisfies CheckpointRequest);
    return await new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  #start(): Worker {
    const thread = this.#startThread();
    let cause: string | undefined;
    thread.on("message", ({ failure }: CheckpointResponse) => this.#finished(failure));
    thread.on("error", (error) => {
      cause = error.message;
    });
    // Comes last, whatever the reason; the next checkpoint starts another thread.
    thread.on("exit", (exitCode) => {
      this.#thread = undefined;
      if (this.#finish === undefined) return;
      this.#finished(cause ?? `the thread ended with exit code ${exitCode}`);
    });
    // It keeps no process alive. After the listeners: adding one for messages takes it back.
    thread.unref();
    return thread;
  }

  #finished(failure: string | undefined): void {
    if (failure !== undefined) this.#logger.error({ failure }, "checkpoint failed");
    this.#finish?.(failure === undefined);
    this.#finish = undefined;
  }
}
