import type { Config, Settings } from "../config/config.js";
import { loadConfig } from "../config/load.js";
import type { Identity } from "../model/identity.js";
import type { Patience } from "../storage/data-dir-lock.js";
import type { NexusClient } from "./client.js";
import type { ConnectOptions } from "./connect-options.js";
import { settingsOf } from "./connect-options.js";
import { clientError } from "./errors.js";
import { LocalClient } from "./local-client.js";
import { openStore } from "./open-store.js";

/**
 * Opens the namespace for one identity. What isn't given comes from `NEXUS_*` variables, then from
 * `./nexus.yaml` or `~/.nexus/config.yaml` (or the file that is named), then from the defaults: data in
 * `./nexus-data`, no tenant, no agent.
 *
 * A process may connect as often as it likes, with different identities: its clients share the open
 * store, which closes with the last of them. Another process can't have it at the same time.
 *
 * Errors: `invalid-config`, `in-use` (another process has the data, or this one with other
 * namespaces), `corrupt`, `access-denied`, `no-space`, `io-failure`.
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

async function open(config: Config, patience?: Patience): Promise<NexusClient> {
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
