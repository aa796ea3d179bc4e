import { NexusError } from "../model/errors.js";

/** Where relative paths begin. Errors: `not-found` when the directory was removed. */
export function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    throw new NexusError(
      "not-found",
      "the working directory doesn't exist any more: cd to one that does",
      { cause: error },
    );
  }
}
