import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

/** The value of each setting that nobody sets. What isn't here is unset then. */
export const DEFAULTS = {
  is_admin: false,
  namespaces: [],
  mounts: [],
  identities: [],
  quotas: [],
  // The device's protocol is Linux's.
  binding: process.platform === "linux" ? "device" : "fuse-native",
  atime: "relatime",
  allow_other: false,
  read_only: false,
  log_level: "info",
  cache_size_mb: 100,
  gc_interval_hours: 24,
  gc_grace_minutes: 60,
  scrub_rate_mb: 10,
  scrub_interval_days: 30,
} as const;

const LOCAL_NAME = "nexus-data";

/**
 * Where the data lies when nobody says. A library's data belongs to the program, so beside it; a
 * command takes that when it is there, and the user's own otherwise.
 */
export function defaultDataDir({
  cwd,
  home,
  face,
}: {
  cwd: string;
  home: string;
  face: "library" | "command";
}): string {
  const local = resolve(cwd, LOCAL_NAME);
  return face === "library" || existsSync(local) ? local : join(home, ".nexus", "data");
}
