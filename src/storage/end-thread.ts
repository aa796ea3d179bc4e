import type { Worker } from "node:worker_threads";

/** What a thread of the stores is sent when it shall end: it answers with process.exit(). */
export const END_THREAD = "end";

/**
 * Has a thread end by itself, and waits until it has. Worker.terminate() stops it wherever it is, and
 * while it loads a native module that aborts the whole process: koffi wants to throw, and a thread that
 * is being stopped lets it throw nothing. A store that is closed as soon as it was opened gets there.
 */
export async function endThread(thread: Worker): Promise<void> {
  const ended = new Promise((resolve) => thread.once("exit", resolve));
  // Whoever closes waits for it, so it has to keep the process alive now.
  thread.ref();
  thread.postMessage(END_THREAD);
  await ended;
}
