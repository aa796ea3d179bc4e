import type { Files } from "../features/files/files.js";
import type { CustomMetadata } from "../features/metadata/custom-metadata.js";
import type { WorkQueue } from "../features/queue/queue.js";
import type { Search } from "../features/search/search.js";
import type { Transfer } from "../features/transfer/transfer.js";
import type { Watching } from "../features/watch/watch.js";
import type { Identity } from "../model/identity.js";

/**
 * The namespace, as one identity has it. What `connect()` gives; the same whether the store is opened
 * in this process or, later, served by a daemon or a server.
 *
 * @example
 * const nexus = await connect({ dataDir: "./nexus-data", tenantId: "acme", agentId: "agent1" });
 * await nexus.write("/workspace/acme/agent1/notes.txt", "hello");
 * console.log((await nexus.read("/workspace/acme/agent1/notes.txt")).toString());
 * await nexus.close();
 */
export interface NexusClient extends Files, Search, Transfer, Watching, AsyncDisposable {
  readonly identity: Identity;
  /** Where the data lies. */
  readonly dataDir: string;
  readonly metadata: CustomMetadata;
  readonly queue: WorkQueue;
  /**
   * Waits for what is under way, and closes; a claim that waits for work and a watch fail with
   * `closed`. Every other method does so afterwards.
   */
  close(): Promise<void>;
}
