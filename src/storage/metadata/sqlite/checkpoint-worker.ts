import { parentPort, Worker, workerData } from "node:worker_threads";
import { failpointsFor } from "../../../libc/killing-failpoints.js";
import { lowerPriority } from "../../../libc/priority.js";
import type { ArmedFailpoint, Failpoints } from "../../../model/failpoint.js";
import { END_THREAD } from "../../end-thread.js";
import { checkpoint } from "./checkpoint.js";
import { sqliteError } from "./sqlite-error.js";

// This file is both ends of a thread: imported, it starts one; run as one, it does the checkpoints.

/** To the thread: the absolute path of a database. */
export type CheckpointRequest = string;

/** From the thread: one for each request. */
export interface CheckpointResponse {
  /** Why it failed. */
  readonly failure?: string;
}

interface ThreadData {
  readonly checkpointer?: boolean;
  readonly failpoint?: ArmedFailpoint | undefined;
}

/** The thread that a `WorkerCheckpointer` sends its requests to. */
export function startCheckpointThread({
  failpoint,
}: {
  failpoint: ArmedFailpoint | undefined;
}): Worker {
  const data: ThreadData = { checkpointer: true, failpoint };
  return new Worker(new URL(import.meta.url), { workerData: data });
}

const { checkpointer: isThread, failpoint } = (workerData as ThreadData | null) ?? {};
if (isThread === true && parentPort !== null) {
  const port = parentPort;
  lowerPriority();
  const failpoints = failpointsFor(failpoint);
  port.on("message", (message: CheckpointRequest | typeof END_THREAD) => {
    if (message === END_THREAD) process.exit();
    port.postMessage(answer(message, failpoints));
  });
}

function answer(path: CheckpointRequest, failpoints: Failpoints): CheckpointResponse {
  try {
    checkpoint(path, { failpoints });
    return {};
  } catch (error) {
    return { failure: sqliteError(error, "checkpoint").message };
  }
}
