import type { Config } from "../config/config.js";
import { isKind, NexusError } from "../model/errors.js";
import { PROTOCOL_VERSION } from "../rpc/handshake.js";
import { type ControlClient, connectControl } from "../sdk/daemon-control.js";
import { DataDirLock, readHolder } from "../storage/data-dir-lock.js";
import { version } from "../telemetry/version.js";
import { PROC } from "./finishing.js";
import { type MountSpec, record } from "./mount-spec.js";
import { storeSettings } from "./store-settings.js";

/** How long a daemon may take to mount: longer than it waits for anything itself. */
const MOUNT_MS = 30_000;

/** A mount that the running daemon has made for this process. */
export interface Joined {
  readonly pid: number;
  readonly dataDir: string;
  /** Where the daemon logs; undefined for its terminal. */
  readonly logFile: string | undefined;
  /** Whether that daemon stays when its last mount has ended. */
  readonly stays: boolean;
  /**
   * Resolves when somebody has unmounted it. Errors: `closed` when the daemon was told to end, and
   * `io-failure` when it is just gone.
   */
  ended(): Promise<void>;
  /** Ends the mount, also if it is in use, after a grace period. */
  end(): Promise<void>;
  /** Leaves the mount to the daemon. */
  leave(): void;
}

export interface JoinOptions {
  readonly config: Config;
  readonly spec: MountSpec;
  /** Whether that daemon shall stay from now on when its last mount has ended. */
  readonly persist: boolean;
  readonly connect?: typeof connectControl;
}

/**
 * Asks the daemon that has the data directory for a mount. `nobody` when there is none to ask: a program
 * that uses the library has it, or a daemon that sees other mounts than we do; `ending` when it is on
 * its way out, or has just gone. Errors: those of `daemon.mount`, `io-failure` when it doesn't answer.
 */
export async function joinDaemon({
  config,
  spec,
  persist,
  connect = connectControl,
}: JoinOptions): Promise<Joined | "nobody" | "ending"> {
  const { dataDir } = config;
  const namespace = readHolder(dataDir)?.namespace;
  // A mount that it makes would be of no use here.
  if (namespace !== undefined && namespace !== PROC.namespaceOf("self")) return "nobody";
  let client: ControlClient | undefined;
  try {
    client = await connect(dataDir);
    if (client === undefined) return "nobody";
    const signal = AbortSignal.timeout(MOUNT_MS);
    const speaking = { protocolVersion: PROTOCOL_VERSION, version: version() };
    const params = { mount: spec, settings: storeSettings(config), client: speaking, persist };
    const answer = record(await client.call("daemon.mount", params, { signal }), "the answer");
    return joined(client, { spec, answer });
  } catch (error) {
    client?.close();
    const isCut = isKind(error, "io-failure") && DataDirLock.isLeft(dataDir);
    if (isCut || isKind(error, "closed")) return "ending";
    if ((error as Error).name !== "TimeoutError") throw error;
    const pid = readHolder(dataDir)?.pid;
    throw new NexusError(
      "io-failure",
      `the daemon of ${dataDir} (process ${pid}) hasn't mounted within ${MOUNT_MS / 1000} seconds`,
      { path: dataDir, cause: error },
    );
  }
}

function joined(
  client: ControlClient,
  { spec, answer }: { spec: MountSpec; answer: Readonly<Record<string, unknown>> },
): Joined {
  const { id, pid, dataDir, logFile, persists } = answer;
  const { mountPoint } = spec;
  return {
    pid: Number(pid),
    dataDir: String(dataDir),
    logFile: typeof logFile === "string" ? logFile : undefined,
    stays: persists === true,
    ended: async () => {
      const { isStopping } = record(await client.call("daemon.wait", { id }), "the answer");
      if (isStopping !== true) return;
      const message = `the daemon (process ${pid}) was stopped, and the mount at ${mountPoint} with it`;
      throw new NexusError("closed", message, { path: mountPoint });
    },
    end: async () => {
      await client.call("daemon.unmount", { mountPoint, whenBusy: "end" }).catch((error) => {
        if (!isKind(error, "not-found")) throw error; // ended meanwhile
      });
    },
    leave: () => client.close(),
  };
}
