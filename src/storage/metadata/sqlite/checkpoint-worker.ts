import { parentPort, Worker, workerData } from "node:worker_threads";
import { lowerPriority } from "../../../libc/priority.js";
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

/** The thread that a `WorkerCheckpointer` sends its requests to. */
export function startCheckpointThread(): Worker {
  return new Worker(new URL(import.meta.url), { workerData: { checkpointer: true } });
}

const isThread = (workerData as { checkpointer?: boolean } | null)?.checkpointer === true;
if (isThread && parentPort !== null) {
  const port = parentPort;
  lowerPriority();
  port.on("message", (message: CheckpointRequest | typeof END_THREAD) => {
    if (message === END_THREAD) process.exit();
    port.postMessage(answer(message));
  });
}

function answer(path: CheckpointRequest): CheckpointResponse {
  try {
    checkpoint(path);
    return {};
  } catch (error) {
    return { failure: sqliteError(error, "checkpoint").message };
  }
}
