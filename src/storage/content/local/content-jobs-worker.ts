import { parentPort, Worker, workerData } from "node:worker_threads";
import { lowerPriority } from "../../../libc/priority.js";
import { type ErrorKind, NexusError } from "../../../model/errors.js";
import type { ContentHash, StagingId } from "../../../model/ids.js";
import type { SealedContent } from "../../metadata/metadata-store.js";
import type { SealRequest } from "../content-store.js";
import type { ContentJobs, HashSource } from "./content-jobs.js";
import type { Layout } from "./layout.js";
import { LocalContentJobs } from "./local-content-jobs.js";

// This file is both ends: imported, it gives WorkerContentJobs; run as a worker thread, it does
// the jobs that come.

type Method = Exclude<keyof ContentJobs, "close">;

interface Request {
  readonly number: number;
  readonly method: Method;
  readonly argument: unknown;
}

interface Response {
  readonly number: number;
  readonly result?: unknown;
  readonly error?: { readonly kind: ErrorKind; readonly message: string };
}

/** Sources with all their bytes in one piece, which moves to the other thread without a copy. */
interface PackedSources {
  readonly ids: readonly StagingId[];
  /** -1 for one that has a file. */
  readonly lengths: readonly number[];
  readonly data: Uint8Array<ArrayBuffer>;
}

function pack(sources: readonly HashSource[]): PackedSources {
  const lengths = sources.map(({ bytes }) => bytes?.length ?? -1);
  const data = new Uint8Array(lengths.reduce((sum, length) => sum + Math.max(0, length), 0));
  let at = 0;
  for (const { bytes } of sources) {
    if (bytes === undefined) continue;
    data.set(bytes, at);
    at += bytes.length;
  }
  return { ids: sources.map(({ id }) => id), lengths, data };
}

function unpack({ ids, lengths, data }: PackedSources): HashSource[] {
  let at = 0;
  return ids.map((id, index) => {
    const length = lengths[index] ?? -1;
    if (length < 0) return { id, bytes: undefined };
    at += length;
    return { id, bytes: data.subarray(at - length, at) };
  });
}

/** Does the jobs on a worker thread. */
export class WorkerContentJobs implements ContentJobs {
  readonly #worker: Worker;
  readonly #waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: unknown) => void }
  >();
  #number = 0;
  #failure: NexusError | undefined;

  constructor(layout: Layout) {
    this.#worker = new Worker(new URL(import.meta.url), { workerData: { contentLayout: layout } });
    this.#worker.unref();
    this.#worker.on("message", (response: Response) => this.#settle(response));
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.on("exit", () => this.#fail(undefined));
  }

  hash(sources: readonly HashSource[]): Promise<[StagingId, ContentHash][]> {
    const packed = pack(sources);
    return this.#call("hash", packed, [packed.data.buffer]);
  }

  cancelHash(id: StagingId): void {
    this.#call("cancelHash", id).catch(() => undefined);
  }

  seal(requests: readonly SealRequest[]): Promise<SealedContent[]> {
    return this.#call("seal", requests);
  }

  discardStaging(ids: readonly StagingId[]): Promise<void> {
    return this.#call("discardStaging", ids);
  }

  remove(hashes: readonly ContentHash[]): Promise<void> {
    return this.#call("remove", hashes);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #call<T>(method: Method, argument: unknown, moved: ArrayBuffer[] = []): Promise<T> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const number = this.#number++;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(number, { resolve: resolve as (value: unknown) => void, reject });
      this.#worker.postMessage({ number, method, argument } satisfies Request, moved);
    });
  }

  #settle({ number, result, error }: Response): void {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new NexusError(error.kind, error.message));
  }

  #fail(cause: unknown): void {
    this.#failure ??= new NexusError("internal", "the content worker has ended", { cause });
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}

const layout = (workerData as { contentLayout?: Layout } | null)?.contentLayout;

if (layout !== undefined && parentPort !== null) {
  const port = parentPort;
  // Sealing can wait; whoever is at the mount can't.
  lowerPriority();
  const jobs = new LocalContentJobs(layout);
  const answer = async ({ number, method, argument }: Request): Promise<Response> => {
    try {
      const run = jobs[method].bind(jobs) as (argument: unknown) => unknown;
      const unpacked = method === "hash" ? unpack(argument as PackedSources) : argument;
      return { number, result: await run(unpacked) };
    } catch (error) {
      const kind = error instanceof NexusError ? error.kind : "internal";
      return { number, error: { kind, message: String((error as Error).message) } };
    }
  };
  port.on("message", async (request: Request) => port.postMessage(await answer(request)));
}
