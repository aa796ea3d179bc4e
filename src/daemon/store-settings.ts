import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config/config.js";
import { NexusError } from "../model/errors.js";
import { record } from "./mount-spec.js";

/** The settings that belong to a store and not to one of its mounts, by the names they go by. */
const STORE_SETTINGS = [
  ["dbPath", "db_path"],
  ["namespaces", "namespaces"],
  ["mounts", "mounts"],
  ["atime", "atime"],
  ["quotaBytes", "quota_bytes"],
  ["quotaFiles", "quota_files"],
  ["quotas", "quotas"],
  ["cacheSizeMb", "cache_size_mb"],
  ["gcIntervalHours", "gc_interval_hours"],
  ["gcGraceMinutes", "gc_grace_minutes"],
  ["scrubRateMb", "scrub_rate_mb"],
  ["scrubIntervalDays", "scrub_interval_days"],
] as const satisfies readonly [keyof Config, string][];

/** What all mounts of one store have in common, as JSON. */
export type StoreSettings = Readonly<Record<string, unknown>>;

/** Those of a configuration. */
export function storeSettings(config: Config): StoreSettings {
  const settings = STORE_SETTINGS.map(([key]) => [
    key,
    key === "dbPath" ? realPath(config.dbPath) : config[key],
  ]);
  // As they come out of a socket, without what is undefined.
  return JSON.parse(JSON.stringify(Object.fromEntries(settings))) as StoreSettings;
}

/** Errors: `in-use` naming the first setting in which the asked ones differ; `invalid-argument`. */
export function requireSameStore(asked: unknown, config: Config): void {
  const theirs = record(asked, "settings");
  const ours = storeSettings(config);
  for (const [key, name] of STORE_SETTINGS) {
    if (isDeepStrictEqual(theirs[key], ours[key])) continue;
    const found = JSON.stringify(theirs[key]);
    throw new NexusError(
      "in-use",
      `the data directory ${config.dataDir} is served by process ${process.pid} with another '${name}' (${JSON.stringify(ours[key])}, not ${found}), which all mounts of a store share: use the same, or unmount the others first`,
      { path: config.dataDir },
    );
  }
}

/** Two may call the data directory by different names. */
function realPath(path: string): string {
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return path; // not made yet
  }
}
