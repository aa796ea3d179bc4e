import type { Config } from "../config/config.js";
import { NexusError } from "../model/errors.js";
import { requireSameProtocol } from "../rpc/handshake.js";
import type { DaemonStatus, MountStatus } from "../sdk/daemon-status.js";
import { version } from "../telemetry/version.js";
import { backupMethods, type HoldingDaemon } from "./backup-methods.js";
import { collectMethod } from "./collect-method.js";
import type { ControlMethod } from "./control-server.js";
import type { FsThread } from "./fs-thread.js";
import type { FsFigures } from "./fs-thread-messages.js";
import type { Holders } from "./holders.js";
import { parseMountPoint, parseMountSpec, record } from "./mount-spec.js";
import type { ListedMount, Mounts, WhenBusy } from "./mounts.js";
import { requireSameUser } from "./same-user.js";
import { requireSameStore } from "./store-settings.js";
import { whenAborted } from "./when-aborted.js";

export interface ControlledDaemon {
  readonly config: Config;
  /** Whether it stays when its last mount has ended. */
  readonly persists: () => boolean;
  /** Has it do so from now on. */
  readonly persist: () => void;
  readonly startedAt: Date;
  readonly now: () => Date;
  readonly mounts: Pick<Mounts, "add" | "remove" | "list" | "whenOver">;
  readonly clients: () => number;
  readonly figures: () => Promise<FsFigures>;
  /** Who keeps the files of the store for a backup. */
  readonly holds: HoldingDaemon["holds"];
  readonly holders: Pick<Holders, "begin" | "list">;
  /** Who removes what nothing needs. */
  readonly collector: Pick<FsThread, "collect">;
  /** Somebody has told it to end. */
  readonly isStopping: () => boolean;
  /** Ends all mounts, and the daemon. */
  readonly stop: (reason: string) => void;
  /** Where it logs; undefined for a terminal. */
  readonly logFile: string | undefined;
}

const WHEN_BUSY: readonly WhenBusy[] = ["refuse", "detach", "end"];

/** What can be asked of a daemon through its socket, by name; the parameters are plain JSON. */
export function controlMethods(daemon: ControlledDaemon): Readonly<Record<string, ControlMethod>> {
  const { config, mounts } = daemon;
  return {
    ...backupMethods(daemon),
    ...collectMethod(daemon.collector),

    /** Answers with a {@link DaemonStatus}. */
    "daemon.status": async () => await statusOf(daemon),

    /**
     * `{ mount: MountSpec, settings: StoreSettings, client: { protocolVersion, version }, persist?: boolean }`:
     * mounts, and answers when the mount does, with `{ id, pid, dataDir, logFile, persists }`; with `persist`, the
     * daemon stays from then on when its last mount has ended. Errors: `not-supported` (an asker of
     * another version, which may mean what is unknown here), `in-use` (settings that differ, a place that is taken),
     * `not-permitted` (another user's daemon), `closed` (it is ending), those of mounting.
     */
    "daemon.mount": async (params, context) => {
      requireSameUser(context);
      const { mount, settings, client, persist } = record(params, "params");
      const { protocolVersion: asked, version: clientVersion } = record(client, "client");
      requireSameProtocol({ asked, clientVersion, version: version() });
      requireSameStore(settings, config);
      const { id } = await mounts.add(parseMountSpec(mount));
      if (persist === true) daemon.persist();
      const { dataDir } = config;
      const { logFile } = daemon;
      return { id, pid: process.pid, dataDir, logFile, persists: daemon.persists() };
    },

    /**
     * `{ id }`: answers when that mount has ended, with `{ isStopping }`: whether the whole daemon ends.
     */
    "daemon.wait": async (params, { signal }) => {
      const { id } = record(params, "params");
      if (typeof id !== "number") throw new NexusError("invalid-argument", "id: allowed: a number");
      await Promise.race([mounts.whenOver(id), whenAborted(signal)]);
      return { isStopping: daemon.isStopping() };
    },

    /**
     * `{ mountPoint, whenBusy }`: answers when the mount has ended, or is detached, with `{ removal }`.
     * Errors: `not-found`, `busy` where `whenBusy` is `refuse`.
     */
    "daemon.unmount": async (params, context) => {
      requireSameUser(context);
      const { mountPoint, whenBusy: asked = "refuse" } = record(params, "params");
      const whenBusy = WHEN_BUSY.find((word) => word === asked);
      if (whenBusy === undefined) {
        const allowed = WHEN_BUSY.join(", ");
        throw new NexusError("invalid-argument", `whenBusy: allowed: ${allowed}`);
      }
      return { removal: await mounts.remove(parseMountPoint(mountPoint), { whenBusy }) };
    },

    /** Ends all mounts and then the daemon, as a signal does; answers at once with `{ pid }`. */
    "daemon.stop": async (_params, context) => {
      requireSameUser(context);
      daemon.stop("asked to");
      return { pid: process.pid };
    },
  };
}

async function statusOf(daemon: ControlledDaemon): Promise<DaemonStatus> {
  const { config, persists, startedAt, now, mounts, clients } = daemon;
  const { store, devices } = await daemon.figures();
  const { dataDir, cacheSizeMb } = config;
  return {
    ...{ pid: process.pid, version: version(), dataDir, persist: persists() },
    startedAt: startedAt.toISOString(),
    uptimeSeconds: Math.max(0, Math.floor((now().getTime() - startedAt.getTime()) / 1000)),
    clients: clients(),
    mounts: mounts.list().map((mount) => mountStatus(mount, devices)),
    holds: daemon.holders.list(),
    store: { ...store, cacheSizeMb },
  };
}

function mountStatus(
  { id, spec, since, isDetached }: ListedMount,
  devices: FsFigures["devices"],
): MountStatus {
  const { mountPoint, identity, kernelOptions, readOnly, allowOther, binding } = spec;
  const options = [readOnly ? "ro" : "rw", ...kernelOptions.filter((option) => option !== "ro")];
  if (allowOther) options.push("allow_other");
  if (binding !== "device") options.push(`binding=${binding}`);
  const device = devices.find(({ mount }) => mount === id);
  return {
    ...{ id, mountPoint, identity, options, since: since.toISOString(), isDetached },
    // One that has just ended has no figures any more.
    requestsServed: device?.requestsServed ?? 0,
    lookupsHeld: device?.lookupsHeld ?? 0,
    openHandles: device?.openHandles ?? 0,
  };
}
