import { join } from "node:path";
import { NexusError } from "../../../model/errors.js";
import { type ContentHash, isContentHash, type StagingId } from "../../../model/ids.js";

/** What the name of a file ends with that isn't a whole content yet; with that name a crash leaves it. */
export const UNFINISHED = ".new";

/** Where contents lie in the data directory. */
export interface Layout {
  readonly root: string;
  readonly casDirectory: string;
  readonly stagingDirectory: string;
}

export function layoutOf(dataDirectory: string): Layout {
  return {
    root: dataDirectory,
    casDirectory: join(dataDirectory, "cas"),
    stagingDirectory: join(dataDirectory, "staging"),
  };
}

/**
 * `cas/ab/cd/<hash>`: the two levels keep directories small. Errors: `corrupt` for what is no hash, which a database
 * may have and which could be the way to any other file.
 */
export function casPath({ casDirectory }: Layout, hash: ContentHash): string {
  if (!isContentHash(hash)) {
    throw new NexusError("corrupt", `${JSON.stringify(hash)} is not the hash of a content`);
  }
  return `${casDirectory}/${hash.slice(0, 2)}/${hash.slice(2, 4)}/${hash}`;
}

/** Of one of the `CONTENT_DIRECTORIES`: how the hashes in it begin. */
export function directoryName(directory: number): string {
  return directory.toString(16).padStart(2, "0");
}

export function stagingPath({ stagingDirectory }: Layout, id: StagingId): string {
  return `${stagingDirectory}/${id}`;
}
