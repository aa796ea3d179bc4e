import type { Setting, Settings } from "../config/config.js";
import { suggestion } from "../config/suggest.js";
import { NexusError } from "../model/errors.js";

/** What `connect()` takes; the settings of a configuration file, in camelCase. */
export interface ConnectOptions {
  /** A configuration file to read instead of looking for one. */
  readonly configPath?: string | undefined;
  readonly mode?: "embedded" | undefined;
  /** Where the data lies: `./nexus-data` by default. */
  readonly dataDir?: string | undefined;
  /** The metadata database, `{dataDir}/metadata.db` by default. */
  readonly dbPath?: string | undefined;
  readonly tenantId?: string | undefined;
  readonly agentId?: string | undefined;
  readonly isAdmin?: boolean | undefined;
  /** Beyond the five default ones; one of the same name redefines it. */
  readonly namespaces?: readonly NamespaceOption[] | undefined;
  readonly mounts?: readonly MountOption[] | undefined;
  readonly cacheSizeMb?: number | undefined;
  readonly atime?: "relatime" | "strictatime" | "noatime" | undefined;
  readonly readOnly?: boolean | undefined;
  readonly logLevel?: string | undefined;
  readonly logFile?: string | undefined;
}

export interface NamespaceOption {
  readonly name: string;
  readonly readonly?: boolean;
  readonly adminOnly?: boolean;
  /** Whether the next component names a tenant: yes unless false. */
  readonly requiresTenant?: boolean;
}

export interface MountOption {
  readonly path: string;
  readonly backend?: "local";
  readonly readonly?: boolean;
  readonly priority?: number;
}

/** The key that a configuration file has for each option. */
const KEYS = {
  mode: "mode",
  dataDir: "data_dir",
  dbPath: "db_path",
  tenantId: "tenant_id",
  agentId: "agent_id",
  isAdmin: "is_admin",
  namespaces: "namespaces",
  mounts: "mounts",
  cacheSizeMb: "cache_size_mb",
  atime: "atime",
  readOnly: "read_only",
  logLevel: "log_level",
  logFile: "log_file",
} as const satisfies Record<Exclude<keyof ConnectOptions, "configPath">, string>;

/** The settings that the options make. Errors: `invalid-config` for a key that is no option. */
export function settingsOf(options: Omit<ConnectOptions, "configPath">): Settings {
  const settings = new Map<string, Setting>();
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!isOption(name)) {
      const names = [...Object.keys(KEYS), "configPath"];
      throw new NexusError(
        "invalid-config",
        `connect(): unknown option '${name}'${suggestion(name, names)}`,
      );
    }
    settings.set(KEYS[name], { value: snakeCased(value), source: `connect({ ${name} })` });
  }
  return settings;
}

function isOption(name: string): name is keyof typeof KEYS {
  return Object.hasOwn(KEYS, name);
}

/** The keys of entries in lists, too, as a file has them. */
function snakeCased(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCased);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      inner,
    ]),
  );
}
