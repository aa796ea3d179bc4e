import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { z } from "zod";
import { NexusError } from "../model/errors.js";
import type { Config, Setting, Settings } from "./config.js";
import { readConfigFile } from "./config-file.js";
import { DEFAULTS, defaultDataDir } from "./defaults.js";
import { isSettingKey, RULES, type SettingKey, type SettingRule } from "./schema.js";
import { suggestion } from "./suggest.js";
import { workingDirectory } from "./working-directory.js";

export interface LoadOptions {
  /** What wins over everything: flags of a command, options of a library call. */
  readonly explicit?: Settings;
  /** A file to read instead of looking for one. */
  readonly configPath?: string | undefined;
  /** Decides where the data lies by default. */
  readonly face: "library" | "command";
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly home?: string;
}

const KEYS = Object.keys(RULES) as SettingKey[];
const RESERVED = KEYS.filter(
  (key) => /^(enable|cache)_/.test(key) || ["url", "api_key", "timeout"].includes(key),
).filter((key) => key !== "cache_size_mb");

/**
 * The effective configuration: explicit settings win over the environment, that over the file, that
 * over the defaults. Errors: `invalid-config`, naming where a setting stands, its key, what was
 * found and what is allowed.
 */
export function loadConfig(options: LoadOptions): Config {
  const { explicit = new Map(), env = process.env, cwd = workingDirectory() } = options;
  // An empty HOME is none, as for the shell's tilde.
  const home = options.home ?? (env.HOME || homedir());
  const file = readConfigFile({ named: options.configPath, cwd, home, env });
  const base = file?.directory ?? cwd;
  const settings = new Map<string, Setting>([
    ...(file?.settings ?? []),
    ...environmentSettings(env),
    ...explicit,
  ]);
  for (const [key, setting] of settings) requireKnown(key, setting);

  const get = <K extends SettingKey>(key: K): z.output<(typeof RULES)[K]["schema"]> | undefined =>
    check(key, settings.get(key)) as z.output<(typeof RULES)[K]["schema"]> | undefined;
  const absolute = (key: "data_dir" | "db_path" | "log_file"): string | undefined => {
    const value = get(key);
    const isFromFile = settings.get(key)?.source === file?.path;
    return value === undefined
      ? undefined
      : resolve(isFromFile ? base : cwd, withHome(value, home));
  };
  const dataDir = absolute("data_dir") ?? defaultDataDir({ cwd, home, face: options.face });
  return {
    mode: get("mode") ?? DEFAULTS.mode,
    dataDir,
    dbPath: absolute("db_path") ?? join(dataDir, "metadata.db"),
    tenantId: get("tenant_id") as Config["tenantId"],
    agentId: get("agent_id") as Config["agentId"],
    isAdmin: get("is_admin") ?? DEFAULTS.is_admin,
    namespaces: get("namespaces") ?? DEFAULTS.namespaces,
    mounts: get("mounts") ?? DEFAULTS.mounts,
    cacheSizeMb: get("cache_size_mb") ?? DEFAULTS.cache_size_mb,
    atime: get("atime") ?? DEFAULTS.atime,
    allowOther: get("allow_other") ?? DEFAULTS.allow_other,
    readOnly: get("read_only") ?? DEFAULTS.read_only,
    logLevel: get("log_level") ?? DEFAULTS.log_level,
    logFile: absolute("log_file"),
    reserved: Object.fromEntries(
      RESERVED.map((key) => [key, get(key) ?? (DEFAULTS as Record<string, unknown>)[key]]),
    ),
  };
}

function environmentSettings(env: NodeJS.ProcessEnv): Map<string, Setting> {
  const settings = new Map<string, Setting>();
  for (const key of KEYS) {
    const { variable } = RULES[key] as SettingRule;
    const value = variable === undefined ? undefined : env[variable];
    // Set to nothing means not set, as for most programs.
    if (variable !== undefined && value) settings.set(key, { value, source: variable });
  }
  return settings;
}

function requireKnown(key: string, { source }: Setting): void {
  if (isSettingKey(key)) return;
  throw new NexusError(
    "invalid-config",
    `${source}: unknown setting '${key}'${suggestion(key, KEYS)}`,
  );
}

function check(key: SettingKey, setting: Setting | undefined): unknown {
  if (setting === undefined) return undefined;
  const { schema, allowed, entryWords = {} } = RULES[key] as SettingRule;
  const result = schema.safeParse(setting.value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path ?? [];
  const { at, found } = locate(setting.value, path);
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const problem =
    unknown === undefined
      ? `found ${describe(found)}`
      : `unknown key '${unknown}'${suggestion(unknown, Object.keys(entryWords))}`;
  throw new NexusError(
    "invalid-config",
    `${setting.source}: ${key}${at}: ${problem}; allowed: ${entryWords[String(path.at(-1))] ?? allowed}`,
  );
}

/** The part of a value that a problem is about. */
function locate(value: unknown, path: readonly PropertyKey[]): { at: string; found: unknown } {
  let at = "";
  let found = value;
  for (const step of path) {
    at += typeof step === "number" ? `[${step}]` : `.${String(step)}`;
    found = (found as Record<PropertyKey, unknown> | undefined)?.[step];
  }
  return { at, found };
}

function describe(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}

function withHome(path: string, home: string): string {
  return path === "~" || path.startsWith("~/") ? join(home, path.slice(1)) : path;
}
