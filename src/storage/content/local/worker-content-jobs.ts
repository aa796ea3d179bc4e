import type { Worker } from "node:worker_threads";
import type { Clock } from "../../../model/clock.js";
import { NexusError } from "../../../model/errors.js";
import type { ContentHash, StagingId } from "../../../model/ids.js";
import type { Logger } from "../../../telemetry/logger.js";
import { endThread } from "../../end-thread.js";
import type { SealedContent } from "../../metadata/metadata-store.js";
import type { Needless, NeedlessFound, Verification, Verified } from "../content-store.js";
import type { ContentJobs, HashSource, SealJob } from "./content-jobs.js";
import {
  type JobMethod,
  type JobRequest,
  type JobResponse,
  pack,
} from "./content-jobs-messages.js";
import { FailedSync } from "./failed-sync.js";

/** Between deaths without an answer in between: at once, then this long, then twice as long ... */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

export interface WorkerContentJobsOptions {
  readonly startThread: () => Worker;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface WaitingJob {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: NexusError) => void;
}

/**
 * Does the jobs on a worker thread, which is started for the first one: a store that is opened to be
 * read once does without.
 *
 * When the thread dies (out of memory, a bug), the jobs that it had are answered with `io-failure`,
 * and the next job starts a new one. They aren't given to the new thread by themselves: one of them
 * may be what kills it, and a seal needs the bytes that came with the hash before. Whoever asked
 * tries again from the beginning, which is right wherever the old thread stopped.
 */
export class WorkerContentJobs implements ContentJobs {
  readonly #startThread: () => Worker;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #waiting = new Map<number, WaitingJob>();
  #thread: Worker | undefined;
  #number = 0;
  /** How long nothing is started after the next death, and until when after the last one. */
  #pauseMs = 0;
  #pausedUntilMs = 0;
  #isClosed = false;

  constructor({ startThread, clock, logger }: WorkerContentJobsOptions) {
    this.#startThread = startThread;
    this.#clock = clock;
    this.#logger = logger;
  }

  hash(sources: readonly HashSource[]): Promise<[StagingId, ContentHash][]> {
    const packed = pack(sources);
    return this.#call("hash", packed, [packed.data.buffer]);
  }

  cancelHash(id: StagingId): void {
    // A thread that isn't there hashes nothing.
    if (this.#thread !== undefined) this.#call("cancelHash", id).catch(() => undefined);
  }

  seal(requests: readonly SealJob[]): Promise<SealedContent[]> {
    return this.#call("seal", requests);
  }

  discardStaging(ids: readonly StagingId[]): Promise<void> {
    return this.#call("discardStaging", ids);
  }

  remove(hashes: readonly ContentHash[]): Promise<void> {
    return this.#call("remove", hashes);
  }

  sealedIn(directory: number): Promise<ContentHash[]> {
    return this.#call("sealedIn", directory);
  }

  handleNeedless(request: Needless): Promise<NeedlessFound> {
    return this.#call("handleNeedless", request);
  }

  verify(request: Verification): Promise<Verified> {
    return this.#call("verify", request);
  }

  cancelVerify(): void {
    if (this.#thread !== undefined) this.#call("cancelVerify").catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#thread !== undefined) await endThread(this.#thread);
  }

  async #call<T>(method: JobMethod, argument?: unknown, moved: ArrayBuffer[] = []): Promise<T> {
    const thread = this.#running();
    const number = this.#number++;
    return await new Promise<T>((resolve, reject) => {
      this.#waiting.set(number, { resolve: resolve as (value: unknown) => void, reject });
      thread.postMessage({ number, method, argument } satisfies JobRequest, moved);
    });
  }

  /** The thread, started anew if it died. Errors: `closed`, `io-failure` during a pause. */
  #running(): Worker {
    if (this.#isClosed) throw new NexusError("closed", "the content store is closed");
    if (this.#thread === undefined && this.#clock.monotonicMs() < this.#pausedUntilMs) {
      throw new NexusError("io-failure", "the content thread keeps dying; it is started later");
    }
    this.#thread ??= this.#start();
    return this.#thread;
  }

  #start(): Worker {
    const thread = this.#startThread();
    let cause: unknown;
    thread.on("message", (response: JobResponse) => this.#settle(response));
    thread.on("error", (error) => {
      cause = error;
    });
    // Comes last, whatever the reason: until then the old thread may still touch files.
    thread.on("exit", (exitCode) => this.#ended({ exitCode, cause }));
    // It keeps no process alive. After the listeners: adding one for messages takes it back.
    thread.unref();
    return thread;
  }

  #settle({ number, result, error }: JobResponse): void {
    this.#pauseMs = 0;
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (error === undefined) {
      waiting?.resolve(result);
      return;
    }
    const failure = new NexusError(error.kind, error.message);
    const { unsynced } = error;
    waiting?.reject(unsynced === undefined ? failure : new FailedSync(unsynced, failure));
  }

  #ended({ exitCode, cause }: { exitCode: number; cause: unknown }): void {
    this.#thread = undefined;
    const jobs = [...this.#waiting.values()];
    this.#waiting.clear();
    if (this.#isClosed) {
      for (const { reject } of jobs)
        reject(new NexusError("closed", "the content store is closed"));
      return;
    }
    const pauseMs = this.#pauseMs;
    this.#pausedUntilMs = this.#clock.monotonicMs() + pauseMs;
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, pauseMs * 2));
    const message = "the content thread died";
    this.#logger.error({ err: cause, exitCode, jobs: jobs.length, pauseMs }, message);
    for (const { reject } of jobs) reject(new NexusError("io-failure", message, { cause }));
  }
}
