import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

/** The value of each setting that nobody sets. What isn't here is unset then. */
export const DEFAULTS = {
  mode: "embedded",
  is_admin: false,
  namespaces: [],
  mounts: [],
  atime: "relatime",
  allow_other: false,
  read_only: false,
  log_level: "info",
  cache_size_mb: 100,
  enable_metadata_cache: true,
  cache_path_size: 512,
  cache_list_size: 128,
  cache_kv_size: 256,
  cache_exists_size: 1024,
  cache_ttl_seconds: 300,
  enable_vector_search: true,
  enable_llm_cache: true,
  timeout: 30,
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
