import { namesIn } from "../../libc/directories.js";
import type { StagingId } from "../../model/ids.js";
import { UNFINISHED } from "../content/local/layout.js";

/** A name in `staging/`. */
export interface StagingName {
  readonly name: string;
  /** A staged content of its own, something that a seal left half-made, or a part of the log of small contents. */
  readonly is: "content" | "unfinished" | "other";
  /** Of a content. */
  readonly id: StagingId | undefined;
}

/**
 * What lies in `staging/`; of a directory that isn't there, nothing: each start makes it. Errors: `io-failure`,
 * `access-denied`.
 */
export function stagingNames(directory: string): StagingName[] {
  return namesIn(directory).map((name) => {
    if (name.endsWith(UNFINISHED)) return { name, is: "unfinished", id: undefined };
    if (/^\d+$/.test(name)) return { name, is: "content", id: Number(name) as StagingId };
    return { name, is: "other", id: undefined };
  });
}
