import { setTimeout } from "node:timers/promises";
import type { Config, Settings } from "../config/config.js";
import { loadConfig } from "../config/load.js";
import { isKind, NexusError } from "../model/errors.js";
import type { Identity } from "../model/identity.js";
import { DataDirLock, type Patience, readHolder } from "../storage/data-dir-lock.js";
import { version } from "../telemetry/version.js";
import type { NexusClient } from "./client.js";
import type { ConnectOptions } from "./connect-options.js";
import { settingsOf } from "./connect-options.js";
import { type ConnectSocketOptions, connectSocket } from "./connect-socket.js";
import { clientError } from "./errors.js";
import { LocalClient } from "./local-client.js";
import { openStore } from "./open-store.js";

/** How long a daemon that has the store may take to open it. */
const STARTING_MS = 10_000;
const POLL_MS = 20;

/**
 * Opens the namespace for one identity. What isn't given comes from `NEXUS_*` variables, then from
 * `./nexus.yaml` or `~/.nexus/config.yaml` (or the file that is named), then from the defaults: data in
 * `./nexus-data`, no tenant, no agent.
 *
 * A store that a daemon has (see nexus-mount) is used through its socket, beside its mounts; the settings of
 * the store are the daemon's then. One that nobody has is opened in this process. A process may connect as
 * often as it likes, with different identities: its clients share the open store, which closes with the last
 * of them. A store that is open in another program can't be opened at the same time.
 *
 * A client of a daemon that ends or crashes fails with `io-failure` in what is under way, and finds the next
 * daemon for what it is asked afterwards; until there is one that fails, too.
 *
 * Errors: `invalid-config`, `in-use` (another program has the data, or this one with other
 * namespaces), `not-supported` (a daemon of another version), `corrupt`, `access-denied`, `no-space`,
 * `io-failure`.
 *
 * @example
 * const nexus = await connect({ dataDir: "./nexus-data" });
 * await nexus.write("/documents/readme.md", "# Hello");
 * await nexus.close();
 *
 * @example
 * const nexus = await connect("./nexus.yaml");
 */
export async function connect(options: string | ConnectOptions = {}): Promise<NexusClient> {
  try {
    return await open(configOf(options));
  } catch (error) {
    throw clientError(error, { op: "connect" });
  }
}

/**
 * The same with a configuration that is loaded already, for who has loaded it otherwise. `patience` says
 * how to wait for a store that another process has.
 */
export async function connectWith(
  config: Config,
  { patience }: { patience?: Patience } = {},
): Promise<NexusClient> {
  try {
    return await open(config, patience);
  } catch (error) {
    throw clientError(error, { op: "connect" });
  }
}

function configOf(options: string | ConnectOptions): Config {
  if (typeof options === "string") return loadConfig({ configPath: options, face: "library" });
  const { configPath, ...rest } = options;
  const explicit: Settings = settingsOf(rest);
  return loadConfig({ explicit, configPath, face: "library" });
}

/** Through the socket of who has the store; in this process when nobody has. */
async function open(config: Config, patience?: Patience): Promise<NexusClient> {
  const served = await openServed(config);
  if (served !== undefined) return served;
  try {
    return await openHere(config, patience);
  } catch (error) {
    if (!isKind(error, "in-use")) throw error;
    // A daemon may have come first.
    const late = await openServed(config, { waitMs: STARTING_MS });
    if (late !== undefined) return late;
    // And gone again.
    if (!DataDirLock.isLeft(config.dataDir)) throw error;
    return await openHere(config, patience);
  }
}

/** Undefined when nobody serves the store, nor is about to. */
async function openServed(
  config: Config,
  { waitMs = 0 }: { waitMs?: number } = {},
): Promise<NexusClient | undefined> {
  const { dataDir } = config;
  const identity = identityOf(config);
  const client = { name: "nexus-mount", version: version() };
  const deadline = performance.now() + waitMs;
  for (;;) {
    const served = await reach({ dataDir, identity, client });
    if (served !== undefined) {
      if (!config.readOnly) return served;
      await served.close();
      throw new NexusError(
        "in-use",
        `the data directory ${dataDir} is served by another process, whose clients can change it: 'read_only' is for a store that nobody has open, or for a mount`,
        { path: dataDir },
      );
    }
    if (performance.now() >= deadline || readHolder(dataDir)?.isStarting !== true) return undefined;
    await setTimeout(POLL_MS);
  }
}

/** As `connectSocket`; also undefined for an owner that ends just now. */
async function reach(options: ConnectSocketOptions): Promise<NexusClient | undefined> {
  try {
    return await connectSocket(options);
  } catch (error) {
    const isCut = isKind(error, "io-failure") || isKind(error, "closed");
    if (isCut && DataDirLock.isLeft(options.dataDir)) return undefined;
    throw error;
  }
}

async function openHere(config: Config, patience?: Patience): Promise<NexusClient> {
  const { nexus, release } = await openStore(config, patience);
  try {
    const identity = identityOf(config);
    if (!config.readOnly) nexus.welcome(identity);
    const features = nexus.featuresFor(identity);
    return new LocalClient({ identity, dataDir: config.dataDir, features, release });
  } catch (error) {
    await release();
    throw error;
  }
}

function identityOf({ tenantId, agentId, isAdmin }: Config): Identity {
  return {
    isAdmin,
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(agentId === undefined ? {} : { agentId }),
  };
}
