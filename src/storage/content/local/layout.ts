import { join } from "node:path";
import type { ContentHash, StagingId } from "../../../model/ids.js";

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

/** `cas/ab/cd/<hash>`: the two levels keep directories small. */
export function casPath({ casDirectory }: Layout, hash: ContentHash): string {
  return `${casDirectory}/${hash.slice(0, 2)}/${hash.slice(2, 4)}/${hash}`;
}

export function stagingPath({ stagingDirectory }: Layout, id: StagingId): string {
  return `${stagingDirectory}/${id}`;
}
