import type { Config } from "../config/config.js";
import { isKind } from "../model/errors.js";
import type { Patience } from "../storage/data-dir-lock.js";
import {
  type CollectAllOptions,
  type Collected,
  type CollectedPart,
  collectAll,
} from "../vfs/content/collect-all.js";
import type { ControlClient } from "./daemon-control.js";
import { openStore } from "./open-store.js";
import { keptAwake } from "./operations.js";

export type { Collected, CollectedPart } from "../vfs/content/collect-all.js";

export interface CollectGarbageRequest extends Pick<CollectAllOptions, "action" | "onProgress"> {
  readonly config: Config;
  /** Reaches the daemon of a data directory; undefined when there is none. */
  readonly control: (dataDir: string) => Promise<ControlClient | undefined>;
  /** How to wait for a store that another process has. */
  readonly patience: Patience;
  readonly signal: AbortSignal;
}

/**
 * Finds, and removes, what a store has on disk and nothing needs: through the daemon that has the store, by that one's
 * settings, or in this process. Errors: those of the daemon (`not-permitted` for another user's), of opening the
 * store, `io-failure`; the reason of `signal`.
 */
export async function collectGarbage(request: CollectGarbageRequest): Promise<Collected> {
  const { config, control } = request;
  const client = await control(config.dataDir);
  if (client !== undefined) return await askDaemon(client, request);
  try {
    return await keptAwake(collectHere(request));
  } catch (error) {
    if (!isKind(error, "in-use")) throw error;
    // A daemon may have come first.
    const late = await control(config.dataDir);
    if (late === undefined) throw error;
    return await askDaemon(late, request);
  }
}

async function askDaemon(
  client: ControlClient,
  { action, onProgress, signal }: CollectGarbageRequest,
): Promise<Collected> {
  const collect: CollectAllOptions["collect"] = async (part, partAction) => {
    const params = { part, action: partAction };
    return (await client.call("daemon.collect", params, { signal })) as CollectedPart;
  };
  try {
    return await collectAll({ collect, action, signal, ...(onProgress && { onProgress }) });
  } finally {
    client.close();
  }
}

async function collectHere(request: CollectGarbageRequest): Promise<Collected> {
  const { config, patience, action, onProgress, signal } = request;
  const { nexus, release } = await openStore(config, patience);
  try {
    const { collect } = nexus;
    return await collectAll({ collect, action, signal, ...(onProgress && { onProgress }) });
  } finally {
    await release();
  }
}
