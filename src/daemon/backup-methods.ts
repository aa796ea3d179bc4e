import type { Config } from "../config/config.js";
import { NexusError } from "../model/errors.js";
import type { StagingId } from "../model/ids.js";
import type { HeldStore } from "../sdk/daemon-backup.js";
import type { ControlMethod } from "./control-server.js";
import type { FsThread } from "./fs-thread.js";
import type { Holders } from "./holders.js";
import { record } from "./mount-spec.js";
import { requireSameUser } from "./same-user.js";
import { whenAborted } from "./when-aborted.js";

export interface HoldingDaemon {
  readonly config: Pick<Config, "dataDir" | "dbPath">;
  /** Who is known to hold something. */
  readonly holders: Pick<Holders, "begin">;
  readonly holds: Pick<FsThread, "beginHold" | "stagedBytes" | "letStagedGo" | "endHold">;
}

/**
 * What a backup in another process asks for: that the files of the store stay where they are while it reads
 * them. A hold has a name that its client has made up. All of them are for the daemon's own user: `not-permitted`.
 */
export function backupMethods({
  config,
  holders,
  holds,
}: HoldingDaemon): Readonly<Record<string, ControlMethod>> {
  const begun = new Map<string, Promise<void>>();
  const requireHold = async (params: unknown): Promise<string> => {
    const name = nameIn(params);
    const beginning = begun.get(name);
    if (beginning === undefined) {
      throw new NexusError("not-found", "there is no such hold; daemon.hold makes one");
    }
    await beginning;
    return name;
  };
  return {
    /**
     * `{ hold, purpose? }`: keeps the files until the request is cancelled, or its connection ends; it isn't answered
     * before. The purpose is for people.
     */
    "daemon.hold": async (params, context) => {
      requireSameUser(context);
      const name = nameIn(params);
      if (begun.has(name)) throw new NexusError("already-exists", `there is a hold ${name}`);
      const purpose = purposeIn(params);
      const beginning = holds.beginHold(name);
      begun.set(name, beginning);
      const end = holders.begin({ pid: context.credentials.pid, purpose });
      try {
        await Promise.race([
          beginning.then(() => new Promise<never>(() => undefined)),
          whenAborted(context.signal),
        ]);
        return {};
      } finally {
        begun.delete(name);
        holds.endHold(name);
        end();
      }
    },

    /**
     * `{ hold }`: answers when all that was closed before is in the database, and its files are kept, with a
     * {@link HeldStore}. Errors: `not-found`, `no-space`, `io-failure`.
     */
    "daemon.held": async (params, context): Promise<HeldStore> => {
      requireSameUser(context);
      await requireHold(params);
      return { dataDir: config.dataDir, databasePath: config.dbPath };
    },

    /** `{ hold, ids }`: the staged contents of these ids, as a list of `StagedBytes`. */
    "daemon.stagedBytes": async (params, context) => {
      requireSameUser(context);
      const name = await requireHold(params);
      return await holds.stagedBytes(name, idsIn(params));
    },

    /** `{ hold }`: staged contents needn't be kept any longer. */
    "daemon.letStagedGo": async (params, context) => {
      requireSameUser(context);
      await holds.letStagedGo(await requireHold(params));
      return {};
    },
  };
}

function nameIn(params: unknown): string {
  const { hold } = record(params, "params");
  if (typeof hold === "string" && hold !== "") return hold;
  throw new NexusError("invalid-argument", "hold: allowed: a name");
}

function purposeIn(params: unknown): string {
  const { purpose = "a backup" } = record(params, "params");
  if (typeof purpose === "string") return purpose;
  throw new NexusError("invalid-argument", "purpose: allowed: text");
}

/** So many have 4 MiB together at most. */
const MOST_IDS = 64;

function idsIn(params: unknown): StagingId[] {
  const { ids } = record(params, "params");
  const isList = Array.isArray(ids) && ids.length <= MOST_IDS;
  if (isList && ids.every((id) => Number.isSafeInteger(id) && id > 0)) return ids as StagingId[];
  throw new NexusError("invalid-argument", `ids: allowed: a list of up to ${MOST_IDS} numbers`);
}
