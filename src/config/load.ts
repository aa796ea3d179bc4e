import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { z } from "zod";
import { NexusError } from "../model/errors.js";
import type { Config, Setting, Settings } from "./config.js";
import { readConfigFile } from "./config-file.js";
import { DEFAULTS, defaultDataDir } from "./defaults.js";
import { environmentSettings } from "./environment.js";
import { armedFailpoint } from "./failpoints.js";
import {
  type IssueParams,
  isSettingKey,
  RULES,
  type SettingKey,
  type SettingRule,
} from "./schema.js";
import { shown, shownWord } from "./shown.js";
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
const PLANNED = KEYS.filter((key) => (RULES[key] as SettingRule).isPlanned === true);

/**
 * The effective configuration: explicit settings win over the environment, that over the file, that
 * over the defaults. Errors: `invalid-config`, naming where a setting stands, its key, what was
 * found and what is allowed.
 */
export function loadConfig(options: LoadOptions): Config {
  return loadConfigAndSettings(options).config;
}

/** The same, with the settings that it was made from; what isn't in there is a default. */
export function loadConfigAndSettings(options: LoadOptions): {
  config: Config;
  settings: Settings;
} {
  const { explicit = new Map(), env = process.env, cwd = workingDirectory() } = options;
  // An empty HOME is none, as for the shell's tilde.
  const home = options.home ?? (env.HOME || homedir());
  const file = readConfigFile({ named: options.configPath, cwd, home, env });
  const base = file?.directory ?? cwd;
  const settings = new Map<string, Setting>([
    ...setIn(file?.settings ?? new Map()),
    ...environmentSettings(env),
    ...explicit,
  ]);
  for (const [key, setting] of settings) requireKnown(key, setting);
  for (const key of PLANNED) check(key, settings.get(key));

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
  const dbPath = absolute("db_path") ?? join(dataDir, "metadata.db");
  const logFile = absolute("log_file");
  if (logFile !== undefined) requireApart(logFile, { dataDir, dbPath });
  const failpoint = armedFailpoint(env);
  const config: Config = {
    dataDir,
    dbPath,
    tenantId: get("tenant_id") as Config["tenantId"],
    agentId: get("agent_id") as Config["agentId"],
    isAdmin: get("is_admin") ?? DEFAULTS.is_admin,
    namespaces: get("namespaces") ?? DEFAULTS.namespaces,
    mounts: get("mounts") ?? DEFAULTS.mounts,
    identities: get("identities") ?? DEFAULTS.identities,
    quotaBytes: get("quota_bytes"),
    quotaFiles: get("quota_files"),
    quotas: get("quotas") ?? DEFAULTS.quotas,
    cacheSizeMb: get("cache_size_mb") ?? DEFAULTS.cache_size_mb,
    gcIntervalHours: get("gc_interval_hours") ?? DEFAULTS.gc_interval_hours,
    gcGraceMinutes: get("gc_grace_minutes") ?? DEFAULTS.gc_grace_minutes,
    scrubRateMb: get("scrub_rate_mb") ?? DEFAULTS.scrub_rate_mb,
    scrubIntervalDays: get("scrub_interval_days") ?? DEFAULTS.scrub_interval_days,
    binding: get("binding") ?? DEFAULTS.binding,
    atime: get("atime") ?? DEFAULTS.atime,
    allowOther: get("allow_other") ?? DEFAULTS.allow_other,
    readOnly: get("read_only") ?? DEFAULTS.read_only,
    logLevel: get("log_level") ?? DEFAULTS.log_level,
    logFile,
    ...(failpoint === undefined ? {} : { failpoint }),
  };
  return { config, settings };
}

/** A key without a value isn't set; one that isn't known is a slip all the same. */
function setIn(file: Settings): [key: string, setting: Setting][] {
  for (const [key, setting] of file) requireKnown(key, setting);
  return [...file].filter(([, { value }]) => value !== null);
}

function requireKnown(key: string, { source }: Setting): void {
  if (isSettingKey(key)) return;
  throw new NexusError(
    "invalid-config",
    `${source}: unknown setting '${shownWord(key)}'${suggestion(key, KEYS)}`,
  );
}

/** A log would be written into the database or into what says who has the data directory. */
function requireApart(
  logFile: string,
  { dataDir, dbPath }: { dataDir: string; dbPath: string },
): void {
  const own = [dbPath, ...["metadata.journal", "lock"].map((name) => join(dataDir, name))];
  if (!own.includes(logFile)) return;
  throw new NexusError(
    "invalid-config",
    `the log file ${logFile} is a file of the data; choose another log_file`,
  );
}

function check(key: SettingKey, setting: Setting | undefined): unknown {
  if (setting === undefined) return undefined;
  const result = (RULES[key] as SettingRule).schema.safeParse(setting.value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const { at, found } = locate(setting.value, issue?.path ?? []);
  const problem = problemOf(issue, { rule: RULES[key], found });
  throw new NexusError("invalid-config", `${setting.source}: ${key}${at}: ${problem}`);
}

/** What was found, and what is allowed instead. */
function problemOf(
  issue: z.core.$ZodIssue | undefined,
  { rule, found }: { rule: SettingRule; found: unknown },
): string {
  const { allowed, entryWords = {}, isSecret = false } = rule;
  if (issue?.code === "custom" && issue.params !== undefined) {
    return (issue.params as IssueParams).problem;
  }
  const words = entryWords[String(issue?.path.at(-1))] ?? allowed;
  if (issue?.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    return `unknown key '${shownWord(key)}'${suggestion(key, Object.keys(entryWords))}; allowed: ${words}`;
  }
  const isPlain = typeof found === "number" || typeof found === "boolean";
  if (issue?.code === "invalid_type" && issue.expected === "string" && isPlain) {
    return `found ${found}; allowed: a text, so write "${found}"`;
  }
  return `found ${isSecret ? "a value" : describe(found)}; allowed: ${words}`;
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
  if (value === undefined) return "nothing";
  // JSON has no word for what is no number, or without end.
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
  return shown(text);
}

function withHome(path: string, home: string): string {
  return path === "~" || path.startsWith("~/") ? join(home, path.slice(1)) : path;
}
