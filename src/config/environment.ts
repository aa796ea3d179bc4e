import { NexusError } from "../model/errors.js";
import type { Setting } from "./config.js";
import { RULES, type SettingKey, type SettingRule } from "./schema.js";
import { nearest } from "./suggest.js";

const PREFIX = "NEXUS_";
/** With more, it may well be another program's: NEXUS_CLIENT_ID, NEXUS_LOG_PATH. */
const MOST_SLIPS = 1;

/** What somebody may try instead of a variable that there is, by what it should have been. */
const MISNOMERS: ReadonlyMap<string, string> = new Map([
  ["NEXUS_TENANT", "NEXUS_TENANT_ID"],
  ["NEXUS_AGENT", "NEXUS_AGENT_ID"],
  ["NEXUS_ADMIN", "NEXUS_IS_ADMIN"],
  ["NEXUS_DATA", "NEXUS_DATA_DIR"],
  ["NEXUS_DB", "NEXUS_DB_PATH"],
  ["NEXUS_READONLY", "NEXUS_READ_ONLY"],
]);

/** Settings that have no variable, and what there is instead. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ["NEXUS_CONFIG", "name the configuration file with --config"],
  ["NEXUS_CONFIG_FILE", "name the configuration file with --config"],
  ["NEXUS_NAMESPACES", "write 'namespaces' into the configuration file"],
  ["NEXUS_MOUNTS", "write 'mounts' into the configuration file"],
  ["NEXUS_IDENTITIES", "write 'identities' into the configuration file"],
]);

/** The variables that do something: a slip in one of the others changes nothing. */
const VARIABLES = (Object.values(RULES) as SettingRule[]).flatMap(({ variable, isPlanned }) =>
  variable === undefined || isPlanned === true ? [] : [variable],
);

/**
 * The settings of the environment. A variable with our prefix that is nearly one of ours is refused:
 * one letter less in NEXUS_TENANT_ID, and a mount would have no tenant. Others with the prefix are left
 * alone, because other programs use it too. Errors: `invalid-config` with what was probably meant.
 */
export function environmentSettings(env: NodeJS.ProcessEnv): Map<string, Setting> {
  const settings = new Map<string, Setting>();
  const known = new Set<string>();
  for (const key of Object.keys(RULES) as SettingKey[]) {
    const { variable } = RULES[key] as SettingRule;
    if (variable === undefined) continue;
    known.add(variable);
    const value = env[variable];
    // Set to nothing means not set, as for most programs.
    if (value) settings.set(key, { value, source: variable });
  }
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith(PREFIX) && !known.has(name) && value) refuseSlip(name);
  }
  return settings;
}

function refuseSlip(name: string): void {
  const instead = ELSEWHERE.get(name);
  const bare = (variable: string) => variable.slice(PREFIX.length);
  const near = nearest(bare(name), VARIABLES.map(bare), MOST_SLIPS);
  const meant = MISNOMERS.get(name) ?? (near === undefined ? undefined : PREFIX + near);
  const advice = instead ?? (meant === undefined ? undefined : `did you mean ${meant}?`);
  if (advice === undefined) return;
  throw new NexusError(
    "invalid-config",
    `the environment variable ${name} is not a setting; ${advice} (if it is another program's, unset it for this one)`,
  );
}
