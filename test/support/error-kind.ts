import { type ErrorKind, NexusError } from "../../src/model/errors.js";

/** The kind with which this fails; undefined when it doesn't. Another kind of error goes through. */
export function kindOf(action: () => unknown): ErrorKind | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return nexusKind(error);
  }
}

/** The same for a promise. */
export async function kindOfLater(promise: Promise<unknown>): Promise<ErrorKind | undefined> {
  return await promise.then(() => undefined, nexusKind);
}

/** The message with which this fails; undefined when it doesn't. */
export function messageThrown(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function nexusKind(error: unknown): ErrorKind {
  if (error instanceof NexusError) return error.kind;
  throw error;
}
