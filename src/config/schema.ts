import { z } from "zod";
import { LOCAL_BACKEND } from "../core/mount-table.js";
import { NexusError } from "../model/errors.js";
import { canonicalPath, checkName } from "../model/path.js";
import { LOG_LEVELS } from "../telemetry/log-level.js";

/** One setting: what it may be, in a program's and in people's words. */
export interface SettingRule {
  readonly schema: z.ZodType;
  /** Completes "allowed: ...". */
  readonly allowed: string;
  /** For a list of entries: what each key of an entry may be. */
  readonly entryWords?: Readonly<Record<string, string>>;
  /** The environment variable that sets it. */
  readonly variable?: string;
}

const TRUE = new Set(["true", "1", "yes", "on"]);
const FALSE = new Set(["false", "0", "no", "off", ""]);

// Texts count too, because environment variables and expanded values are texts.
const flag = z.union([
  z.boolean(),
  z
    .string()
    .transform((text) => text.toLowerCase())
    .refine((text) => TRUE.has(text) || FALSE.has(text))
    .transform((text) => TRUE.has(text)),
]);

const numeric = z.union([
  z.number(),
  z
    .string()
    .regex(/^\s*-?\d+(\.\d+)?\s*$/)
    .transform(Number),
]);
const count = numeric.pipe(z.number().int().min(0));
const positive = numeric.pipe(z.number().positive());

/** A name that can stand in a path. */
const component = z.string().refine((text) => passes(() => checkName(text)));
const path = z.string().min(1);
const virtualPath = z
  .string()
  .refine((text) => text.startsWith("/") && passes(() => canonicalPath(text)))
  .transform(canonicalPath);

const namespaceKeys = z.strictObject({
  name: component,
  readonly: flag.default(false),
  admin_only: flag.default(false),
  requires_tenant: flag.default(true),
});
const namespace = namespaceKeys.transform(({ name, readonly, admin_only, requires_tenant }) => ({
  name,
  readonly,
  adminOnly: admin_only,
  requiresTenant: requires_tenant,
}));

const mountKeys = z.strictObject({
  path: virtualPath,
  backend: z.literal(LOCAL_BACKEND).default(LOCAL_BACKEND),
  readonly: flag.default(false),
  priority: numeric.pipe(z.number().int()).default(0),
});
const mount = mountKeys.transform(({ path: prefix, ...entry }) => ({ prefix, ...entry }));

const FLAG_WORDS = "true or false";
const COUNT_WORDS = "a whole number, 0 or more";
const COMPONENT_WORDS = "a name without '/' and control characters, at most 255 bytes";

/** All settings there are, by the key that YAML has for them. */
export const RULES = {
  mode: {
    schema: z.literal("embedded"),
    allowed: "embedded (monolithic and distributed are planned)",
    variable: "NEXUS_MODE",
  },
  data_dir: { schema: path, allowed: "a path", variable: "NEXUS_DATA_DIR" },
  db_path: { schema: path, allowed: "a path", variable: "NEXUS_DB_PATH" },
  tenant_id: { schema: component, allowed: COMPONENT_WORDS, variable: "NEXUS_TENANT_ID" },
  agent_id: { schema: component, allowed: COMPONENT_WORDS, variable: "NEXUS_AGENT_ID" },
  is_admin: { schema: flag, allowed: FLAG_WORDS, variable: "NEXUS_IS_ADMIN" },
  namespaces: {
    schema: z.array(namespace),
    allowed: "a list of { name, readonly, admin_only, requires_tenant }",
    entryWords: {
      name: COMPONENT_WORDS,
      readonly: FLAG_WORDS,
      admin_only: FLAG_WORDS,
      requires_tenant: FLAG_WORDS,
    } satisfies Record<keyof typeof namespaceKeys.shape, string>,
  },
  mounts: {
    schema: z.array(mount),
    allowed: `a list of { path, backend: ${LOCAL_BACKEND}, readonly, priority }`,
    entryWords: {
      path: "an absolute path without '..' that leaves the root",
      backend: LOCAL_BACKEND,
      readonly: FLAG_WORDS,
      priority: "a whole number",
    } satisfies Record<keyof typeof mountKeys.shape, string>,
  },
  atime: {
    schema: z.enum(["relatime", "strictatime", "noatime"]),
    allowed: "relatime, strictatime or noatime",
    variable: "NEXUS_ATIME",
  },
  allow_other: { schema: flag, allowed: FLAG_WORDS, variable: "NEXUS_ALLOW_OTHER" },
  read_only: { schema: flag, allowed: FLAG_WORDS, variable: "NEXUS_READ_ONLY" },
  log_level: {
    schema: z.enum(LOG_LEVELS),
    allowed: LOG_LEVELS.join(", "),
    variable: "NEXUS_LOG_LEVEL",
  },
  log_file: { schema: path, allowed: "a path", variable: "NEXUS_LOG_FILE" },
  cache_size_mb: {
    schema: positive,
    allowed: "a number above 0",
    variable: "NEXUS_CACHE_SIZE_MB",
  },
  enable_metadata_cache: { schema: flag, allowed: FLAG_WORDS },
  cache_path_size: { schema: count, allowed: COUNT_WORDS },
  cache_list_size: { schema: count, allowed: COUNT_WORDS },
  cache_kv_size: { schema: count, allowed: COUNT_WORDS },
  cache_exists_size: { schema: count, allowed: COUNT_WORDS },
  cache_ttl_seconds: { schema: count, allowed: COUNT_WORDS },
  enable_vector_search: {
    schema: flag,
    allowed: FLAG_WORDS,
    variable: "NEXUS_ENABLE_VECTOR_SEARCH",
  },
  enable_llm_cache: { schema: flag, allowed: FLAG_WORDS, variable: "NEXUS_ENABLE_LLM_CACHE" },
  url: { schema: z.url(), allowed: "a URL", variable: "NEXUS_URL" },
  api_key: { schema: z.string().min(1), allowed: "a text", variable: "NEXUS_API_KEY" },
  timeout: { schema: positive, allowed: "seconds, above 0", variable: "NEXUS_TIMEOUT" },
} as const satisfies Record<string, SettingRule>;

export type SettingKey = keyof typeof RULES;

export function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(RULES, key);
}

function passes(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (error instanceof NexusError) return false;
    throw error;
  }
}
