import { NexusError } from "../../model/errors.js";

/** Errors: `interrupted` when the signal has aborted. */
export function requireNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw interruption(signal);
}

export function interruption({ reason }: AbortSignal): NexusError {
  return new NexusError("interrupted", "the operation was aborted", { cause: reason });
}

/** What the promise brings, unless the signal aborts before: then `interrupted`. */
export async function orAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return await promise;
  requireNotAborted(signal);
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(interruption(signal));
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener("abort", stop);
  }
}
