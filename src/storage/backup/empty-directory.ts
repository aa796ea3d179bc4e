import { namesIn } from "../../libc/directories.js";
import { NexusError } from "../../model/errors.js";

/** What a new file system has, and nobody means. */
const NOT_COUNTED = ["lost+found", "lock"];

/**
 * Errors: `directory-not-empty` when there is something in it that isn't counted as nothing; what to do then is the
 * end of the message.
 */
export function requireEmpty(
  path: string,
  { advice, notCounted = [] }: { advice: string; notCounted?: readonly string[] },
): void {
  const ignored = [...NOT_COUNTED, ...notCounted];
  if (namesIn(path).every((name) => ignored.includes(name))) return;
  throw new NexusError("directory-not-empty", `${path} isn't empty; ${advice}`, { path });
}
