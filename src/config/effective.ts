import type { Config } from "./config.js";
import { type LoadOptions, loadConfigAndSettings } from "./load.js";
import { RULES, type SettingKey, type SettingRule } from "./schema.js";

/** A setting as it counts, for people who wonder why. */
export interface EffectiveSetting {
  readonly key: SettingKey;
  /** As a file would have it; undefined when it is unset. Of a secret only whether there is one. */
  readonly value: unknown;
  /** `--tenant`, `NEXUS_TENANT_ID`, the path of a file, or `default`. */
  readonly source: string;
  /** It may be set, and does nothing yet. */
  readonly isPlanned: boolean;
}

const DEFAULT = "default";
const HIDDEN = "(hidden)";

type PlannedKey = {
  [K in SettingKey]: (typeof RULES)[K] extends { isPlanned: true } ? K : never;
}[SettingKey];

/** How each setting that does something stands in the configuration. */
const VALUES = {
  data_dir: ({ dataDir }) => dataDir,
  db_path: ({ dbPath }) => dbPath,
  tenant_id: ({ tenantId }) => tenantId,
  agent_id: ({ agentId }) => agentId,
  is_admin: ({ isAdmin }) => isAdmin,
  namespaces: ({ namespaces }) =>
    namespaces.map(({ name, readonly, adminOnly, requiresTenant }) => ({
      ...{ name, readonly, admin_only: adminOnly, requires_tenant: requiresTenant },
    })),
  mounts: ({ mounts }) => mounts.map(({ prefix, ...rest }) => ({ path: prefix, ...rest })),
  identities: ({ identities }) =>
    identities.map(({ identity: { tenantId, agentId, isAdmin }, ...who }) => ({
      ...who,
      ...(tenantId === undefined ? {} : { tenant_id: tenantId }),
      ...(agentId === undefined ? {} : { agent_id: agentId }),
      is_admin: isAdmin,
    })),
  binding: ({ binding }) => binding,
  atime: ({ atime }) => atime,
  allow_other: ({ allowOther }) => allowOther,
  read_only: ({ readOnly }) => readOnly,
  log_level: ({ logLevel }) => logLevel,
  log_file: ({ logFile }) => logFile,
  quota_bytes: ({ quotaBytes }) => quotaBytes,
  quota_files: ({ quotaFiles }) => quotaFiles,
  quotas: ({ quotas }) =>
    quotas.map(({ tenantId, bytes, files }) => ({
      tenant_id: tenantId,
      ...(bytes === undefined ? {} : { quota_bytes: bytes }),
      ...(files === undefined ? {} : { quota_files: files }),
    })),
  cache_size_mb: ({ cacheSizeMb }) => cacheSizeMb,
  gc_interval_hours: ({ gcIntervalHours }) => gcIntervalHours,
  gc_grace_minutes: ({ gcGraceMinutes }) => gcGraceMinutes,
  scrub_rate_mb: ({ scrubRateMb }) => scrubRateMb,
  scrub_interval_days: ({ scrubIntervalDays }) => scrubIntervalDays,
} as const satisfies Record<Exclude<SettingKey, PlannedKey>, (config: Config) => unknown>;

/**
 * Every setting with its value and where that came from; what is planned only when somebody has set it.
 * Errors: those of `loadConfig`.
 */
export function effectiveSettings(options: LoadOptions): EffectiveSetting[] {
  const { config, settings } = loadConfigAndSettings(options);
  const values: Partial<Record<SettingKey, (config: Config) => unknown>> = VALUES;
  return (Object.keys(RULES) as SettingKey[]).flatMap((key) => {
    const { isPlanned = false, isSecret = false } = RULES[key] as SettingRule;
    const set = settings.get(key);
    if (isPlanned && set === undefined) return [];
    const value = values[key]?.(config) ?? set?.value;
    const shown = isSecret && value !== undefined ? HIDDEN : value;
    return [{ key, value: shown, source: set?.source ?? DEFAULT, isPlanned }];
  });
}
