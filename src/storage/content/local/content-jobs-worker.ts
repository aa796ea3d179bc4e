import { parentPort, Worker, workerData } from "node:worker_threads";
import { failpointsFor } from "../../../libc/killing-failpoints.js";
import { lowerPriority } from "../../../libc/priority.js";
import { messageOf, NexusError } from "../../../model/errors.js";
import type { ArmedFailpoint } from "../../../model/failpoint.js";
import { END_THREAD } from "../../end-thread.js";
import {
  type JobRequest,
  type JobResponse,
  type PackedSources,
  unpack,
} from "./content-jobs-messages.js";
import { FailedSync } from "./failed-sync.js";
import type { Layout } from "./layout.js";
import { LocalContentJobs } from "./local-content-jobs.js";

// This file is both ends of a thread: imported, it starts one; run as one, it does the jobs that come.

interface ThreadData {
  readonly contentLayout?: Layout;
  readonly failpoint?: ArmedFailpoint | undefined;
}

/** The thread that a `WorkerContentJobs` gives its jobs to. */
export function startContentJobsThread({
  layout,
  failpoint,
}: {
  layout: Layout;
  failpoint: ArmedFailpoint | undefined;
}): Worker {
  const data: ThreadData = { contentLayout: layout, failpoint };
  return new Worker(new URL(import.meta.url), { workerData: data });
}

const { contentLayout: layout, failpoint } = (workerData as ThreadData | null) ?? {};

if (layout !== undefined && parentPort !== null) {
  const port = parentPort;
  // Sealing can wait; whoever is at the mount can't.
  lowerPriority();
  const jobs = new LocalContentJobs(layout, { failpoints: failpointsFor(failpoint) });
  const answer = async ({ number, method, argument }: JobRequest): Promise<JobResponse> => {
    try {
      // They came with their memory, so there is no need for a copy.
      if (method === "hash") {
        return { number, result: await jobs.hashOwned(unpack(argument as PackedSources)) };
      }
      const run = jobs[method].bind(jobs) as (argument: unknown) => unknown;
      return { number, result: await run(argument) };
    } catch (error) {
      const kind = error instanceof NexusError ? error.kind : "internal";
      const message = messageOf(error);
      if (!(error instanceof FailedSync)) return { number, error: { kind, message } };
      return { number, error: { kind, message, unsynced: error.ids } };
    }
  };
  port.on("message", async (message: JobRequest | typeof END_THREAD) => {
    if (message === END_THREAD) process.exit();
    port.postMessage(await answer(message));
  });
}
