import { randomUUID } from "node:crypto";
import { NexusError } from "../model/errors.js";
import type { StagingId } from "../model/ids.js";
import type { BackupSource, StagedBytes } from "../storage/backup/backup-source.js";
import type { ControlClient } from "./daemon-control.js";

export type { StagedBytes } from "../storage/backup/backup-source.js";

/** The answer to `daemon.held`. */
export interface HeldStore {
  readonly dataDir: string;
  readonly databasePath: string;
}

/**
 * The store of a daemon, kept for a backup for as long as this connection lasts: a process that is killed holds
 * up nothing. Closes the client in the end, also when it fails. Errors: those of `daemon.held`; `not-supported` for
 * a daemon that is too old to know it.
 */
export async function holdDaemonStore(
  client: ControlClient,
  { purpose, signal }: { purpose: string; signal: AbortSignal },
): Promise<BackupSource> {
  const hold = randomUUID();
  const lost = new AbortController();
  try {
    client.call("daemon.hold", { hold, purpose }).catch((error) => lost.abort(gone(error)));
    const asked = AbortSignal.any([signal, lost.signal]);
    const call = (method: string, params: Readonly<Record<string, unknown>> = {}) =>
      client.call(method, { hold, ...params }, { signal: asked });
    const held = (await call("daemon.held")) as HeldStore;
    return {
      ...held,
      lost: lost.signal,
      stagedBytes: async (ids: readonly StagingId[]) =>
        (await call("daemon.stagedBytes", { ids })) as readonly StagedBytes[],
      letStagedGo: async () => void (await call("daemon.letStagedGo")),
      letGo: () => client.close(),
      close: async () => client.close(),
    };
  } catch (error) {
    client.close();
    throw error;
  }
}

function gone(cause: unknown): NexusError {
  if (cause instanceof NexusError && cause.kind !== "io-failure") return cause;
  return new NexusError(
    "io-failure",
    "the daemon of the store ended; what was copied stays, and another nexus backup goes on from there",
    { cause },
  );
}
