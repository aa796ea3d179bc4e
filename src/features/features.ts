import type { Caller } from "../model/identity.js";
import type { Files } from "./files/files.js";
import type { CustomMetadata } from "./metadata/custom-metadata.js";
import type { WorkQueue } from "./queue/queue.js";
import type { Search } from "./search/search.js";
import type { Transfer } from "./transfer/transfer.js";
import type { Watching } from "./watch/watch.js";

/** Everything that one identity can do with the namespace. */
export interface Features {
  /** On whose behalf all of it acts: the same object in each call of the file system. */
  readonly caller: Caller;
  readonly files: Files;
  readonly metadata: CustomMetadata;
  readonly search: Search;
  readonly queue: WorkQueue;
  readonly transfer: Transfer;
  readonly watching: Watching;
  /** Ends what only waits for something to happen, with `closed`. All else goes on to its end. */
  close(): void;
}
