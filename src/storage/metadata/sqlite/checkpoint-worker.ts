import { parentPort, Worker, workerData } from "node:worker_threads";
import { lowerPriority } from "../../../libc/priority.js";
import type { Logger } from "../../../telemetry/logger.js";
import { checkpoint } from "./checkpoint.js";
import type { Checkpointer } from "./checkpointer.js";
import { sqliteError } from "./sqlite-error.js";

/**
 * This file is both ends: imported, it gives the {@link WorkerCheckpointer}; run as a worker thread,
 * it does the checkpoints.
 */
const IS_WORKER = (workerData as { checkpointer?: boolean } | null)?.checkpointer === true;

if (IS_WORKER && parentPort !== null) {
  const port = parentPort;
  lowerPriority();
  port.on("message", (path: string) => {
    try {
      checkpoint(path);
      port.postMessage({});
    } catch (error) {
      port.postMessage({ error: sqliteError(error, "checkpoint").message });
    }
  });
}

/** Checkpoints on a worker thread, one at a time. */
export class WorkerCheckpointer implements Checkpointer {
  readonly #path: string;
  readonly #logger: Logger;
  #worker: Worker | undefined;
  #running: Promise<void> | undefined;
  #finish: (() => void) | undefined;

  constructor({ databasePath, logger }: { databasePath: string; logger: Logger }) {
    this.#path = databasePath;
    this.#logger = logger;
  }

  run(): Promise<void> {
    this.#running ??= this.#runOnce().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async close(): Promise<void> {
    await this.#running;
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  #runOnce(): Promise<void> {
    this.#worker ??= this.#start();
    this.#worker.postMessage(this.#path);
    return new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  #start(): Worker {
    const worker = new Worker(new URL(import.meta.url), { workerData: { checkpointer: true } });
    worker.unref();
    worker.on("message", ({ error }: { error?: string }) => this.#finished(error));
    worker.on("error", (error) => {
      this.#worker = undefined;
      this.#finished(error.message);
    });
    return worker;
  }

  /** A checkpoint that fails leaves the log as it is; the next one tries again. */
  #finished(failure: string | undefined): void {
    if (failure !== undefined) this.#logger.error({ failure }, "checkpoint failed");
    this.#finish?.();
    this.#finish = undefined;
  }
}
