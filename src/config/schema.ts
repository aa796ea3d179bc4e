import { z } from "zod";
import { LOCAL_BACKEND } from "../core/mount-table.js";
import type { QuotaRule } from "../core/quota.js";
import { NexusError } from "../model/errors.js";
import type { AgentId, TenantId } from "../model/ids.js";
import { canonicalPath, checkName } from "../model/path.js";
import { LOG_LEVELS } from "../telemetry/log-level.js";
import { BINDINGS, EVERYBODY, type IdentityRule } from "./config.js";

/** One setting: what it may be, in a program's and in people's words. */
export interface SettingRule {
  readonly schema: z.ZodType;
  /** Completes "allowed: ...". */
  readonly allowed: string;
  /** For a list of entries: what each key of an entry may be. */
  readonly entryWords?: Readonly<Record<string, string>>;
  /** The environment variable that sets it. */
  readonly variable?: string;
  /** Its value is nobody's business: not even a message shows it. */
  readonly isSecret?: boolean;
  /** Belongs to what is planned: it may stand in a file, and does nothing yet. */
  readonly isPlanned?: boolean;
}

/** How a check puts its own words into an issue, instead of "found ...; allowed: ...". */
export interface IssueParams {
  readonly problem: string;
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

/** In KiB it still fits SQLite's 32 bits. */
const MOST_CACHE_MB = 2 ** 20;
/** Ten years. More is a slip, and at some point no timer can wait for it. */
const MOST_HOURS = 87_600;
/** A store that is looked through all the time would do nothing else. */
const FEWEST_HOURS = 0.001;

/** A slower scrub of a single gigabyte would take a day and more; a faster one no disk does. */
const LEAST_SCRUB_MB = 0.01;
const MOST_SCRUB_MB = 1_000_000;
const FEWEST_SCRUB_DAYS = 0.01;

/** What Node makes of bytes that are no UTF-8, in arguments and in the environment: not what was meant. */
const REPLACEMENT = "\ufffd";

/** A name that can stand in a path. */
const component = z
  .string()
  .refine((text) => !text.includes(REPLACEMENT) && passes(() => checkName(text)));
/** Of the host, which ends at a zero byte. */
const path = z
  .string()
  .min(1)
  .refine((text) => !text.includes("\0") && !text.includes(REPLACEMENT));
const virtualPath = z
  .string()
  .refine((text) => text.startsWith("/") && passes(() => canonicalPath(text)))
  .transform(canonicalPath);

/** The directory of views that every mount is going to have. */
const RESERVED_NAME = ".nexus";

const namespaceKeys = z.strictObject({
  name: component.refine((name) => name !== RESERVED_NAME),
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

/** Tells of the second entry with the same name, at the key that has it. */
function eachOnce<T>(
  nameOf: (entry: T) => string,
  { key, what }: { key: string; what: string },
): (entries: readonly T[], context: z.RefinementCtx) => void {
  return (entries, context) => {
    const names = new Set<string>();
    for (const [index, name] of entries.map(nameOf).entries()) {
      if (!names.has(name)) {
        names.add(name);
        continue;
      }
      const params: IssueParams = { problem: `a second ${what} '${name}'; each may stand once` };
      context.addIssue({ code: "custom", path: [index, key], params });
    }
  };
}

const namespaces = z
  .array(namespace)
  .superRefine(eachOnce(({ name }) => name, { key: "name", what: "namespace" }));

const mountKeys = z.strictObject({
  path: virtualPath,
  backend: z.literal(LOCAL_BACKEND).default(LOCAL_BACKEND),
  readonly: flag.default(false),
  priority: numeric.pipe(z.number().int()).default(0),
});
const mount = mountKeys.transform(({ path: prefix, ...entry }) => ({ prefix, ...entry }));
const mounts = z
  .array(mount)
  .superRefine(eachOnce(({ prefix }) => prefix, { key: "path", what: "mount" }));

/** Of a user or a group; the largest 32-bit number means "none" to the kernel. */
const unixId = numeric.pipe(
  z
    .number()
    .int()
    .min(0)
    .max(2 ** 32 - 2),
);
const unixName = z.string().regex(/^[^\s:/]+$/);

const identityKeys = z.strictObject({
  uid: unixId.optional(),
  user: unixName.optional(),
  gid: unixId.optional(),
  group: unixName.refine((name) => name !== EVERYBODY).optional(),
  tenant_id: component.optional(),
  agent_id: component.optional(),
  is_admin: flag.default(false),
});

/** What is wrong with an entry whose keys are each well. */
function problemOfIdentity(entry: z.output<typeof identityKeys>): string | undefined {
  const { uid, user, gid, group, tenant_id: tenant, agent_id: agent, is_admin: isAdmin } = entry;
  if (uid !== undefined && user !== undefined) return "has both uid and user; give one of them";
  if (gid !== undefined && group !== undefined) return "has both gid and group; give one of them";
  if ([uid, user, gid, group].every((name) => name === undefined)) {
    return `names nobody; give it a uid, user, gid or group (user: "${EVERYBODY}" is everybody else)`;
  }
  if (agent !== undefined && tenant === undefined) return "has an agent_id without a tenant_id";
  if (tenant === undefined && !isAdmin) {
    return "has no tenant_id, and would see what all tenants have; if that is meant, say is_admin: true";
  }
  return undefined;
}

const identity = identityKeys
  .superRefine((entry, context) => {
    const problem = problemOfIdentity(entry);
    if (problem !== undefined) context.addIssue({ code: "custom", params: { problem } });
  })
  .transform(({ uid, user, gid, group, tenant_id, agent_id, is_admin }): IdentityRule => {
    return {
      ...(uid === undefined ? {} : { uid }),
      ...(user === undefined ? {} : { user }),
      ...(gid === undefined ? {} : { gid }),
      ...(group === undefined ? {} : { group }),
      identity: {
        isAdmin: is_admin,
        ...(tenant_id === undefined ? {} : { tenantId: tenant_id as TenantId }),
        ...(agent_id === undefined ? {} : { agentId: agent_id as AgentId }),
      },
    };
  });

const identities = z.array(identity).superRefine((entries, context) => {
  entries.slice(0, -1).forEach(({ user, gid, group }, index) => {
    if (user !== EVERYBODY || gid !== undefined || group !== undefined) return;
    const problem = `user: "${EVERYBODY}" is everybody else, so it has to be the last entry; the first one that fits counts`;
    const params: IssueParams = { problem };
    context.addIssue({ code: "custom", path: [index], params });
  });
});

/** How many bytes a suffix stands for, as df -h and ls -h write them. */
const SUFFIXES: Readonly<Record<string, number>> = {
  "": 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
  P: 2 ** 50,
};

const sizeBytes = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\s*\d+(\.\d+)?\s*[KMGTP]?i?B?\s*$/i)
      .transform((text) => {
        const [, count = "", suffix = ""] = /^\s*([\d.]+)\s*([KMGTP]?)/i.exec(text) ?? [];
        return Math.floor(Number(count) * (SUFFIXES[suffix.toUpperCase()] ?? 1));
      }),
  ])
  .pipe(z.number().int().min(1).max(Number.MAX_SAFE_INTEGER));
const fileCount = numeric.pipe(z.number().int().min(1));

const quotaKeys = z.strictObject({
  tenant_id: component,
  quota_bytes: sizeBytes.optional(),
  quota_files: fileCount.optional(),
});
const quota = quotaKeys.transform(({ tenant_id, quota_bytes, quota_files }): QuotaRule => {
  return {
    tenantId: tenant_id as TenantId,
    ...(quota_bytes === undefined ? {} : { bytes: quota_bytes }),
    ...(quota_files === undefined ? {} : { files: quota_files }),
  };
});

const quotas = z
  .array(quota)
  .superRefine(eachOnce(({ tenantId }) => tenantId, { key: "tenant_id", what: "entry for" }));

const FLAG_WORDS = "true or false";
const UNIX_ID_WORDS = "a whole number from 0 to 4294967294";
const SIZE_WORDS = "a number of bytes above 0, or with a suffix, as 10G";
const FILE_COUNT_WORDS = "a whole number above 0";
const COUNT_WORDS = "a whole number, 0 or more";
const COMPONENT_WORDS =
  "a name without '/' and control characters, at most 255 bytes, not '.' or '..'";
/** For what only a client of a server has. */
const NOTHING_YET = "nothing yet: servers are planned, and this version has local data only";

/** All settings there are, by the key that YAML has for them. */
export const RULES = {
  mode: {
    schema: z.literal("embedded"),
    allowed: "embedded (monolithic and distributed are planned)",
    variable: "NEXUS_MODE",
    isPlanned: true,
  },
  data_dir: { schema: path, allowed: "a path", variable: "NEXUS_DATA_DIR" },
  db_path: { schema: path, allowed: "a path", variable: "NEXUS_DB_PATH" },
  tenant_id: { schema: component, allowed: COMPONENT_WORDS, variable: "NEXUS_TENANT_ID" },
  agent_id: { schema: component, allowed: COMPONENT_WORDS, variable: "NEXUS_AGENT_ID" },
  is_admin: { schema: flag, allowed: FLAG_WORDS, variable: "NEXUS_IS_ADMIN" },
  namespaces: {
    schema: namespaces,
    allowed: "a list of { name, readonly, admin_only, requires_tenant }",
    entryWords: {
      name: `${COMPONENT_WORDS} or '${RESERVED_NAME}'`,
      readonly: FLAG_WORDS,
      admin_only: FLAG_WORDS,
      requires_tenant: FLAG_WORDS,
    } satisfies Record<keyof typeof namespaceKeys.shape, string>,
  },
  mounts: {
    schema: mounts,
    allowed: `a list of { path, backend: ${LOCAL_BACKEND}, readonly, priority }`,
    entryWords: {
      path: "an absolute path without '..' that leaves the root",
      backend: LOCAL_BACKEND,
      readonly: FLAG_WORDS,
      priority: "a whole number",
    } satisfies Record<keyof typeof mountKeys.shape, string>,
  },
  identities: {
    schema: identities,
    allowed: "a list of { uid or user, gid or group, tenant_id, agent_id, is_admin }",
    entryWords: {
      uid: UNIX_ID_WORDS,
      user: `the name of a user in /etc/passwd, or "${EVERYBODY}" for everybody else`,
      gid: UNIX_ID_WORDS,
      group: "the name of a group in /etc/group",
      tenant_id: COMPONENT_WORDS,
      agent_id: COMPONENT_WORDS,
      is_admin: FLAG_WORDS,
    } satisfies Record<keyof typeof identityKeys.shape, string>,
  },
  binding: {
    schema: z.enum(BINDINGS),
    allowed: "device or fuse-native",
    variable: "NEXUS_BINDING",
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
  quota_bytes: { schema: sizeBytes, allowed: SIZE_WORDS, variable: "NEXUS_QUOTA_BYTES" },
  quota_files: { schema: fileCount, allowed: FILE_COUNT_WORDS, variable: "NEXUS_QUOTA_FILES" },
  quotas: {
    schema: quotas,
    allowed: "a list of { tenant_id, quota_bytes, quota_files }",
    entryWords: {
      tenant_id: COMPONENT_WORDS,
      quota_bytes: SIZE_WORDS,
      quota_files: FILE_COUNT_WORDS,
    } satisfies Record<keyof typeof quotaKeys.shape, string>,
  },
  cache_size_mb: {
    schema: positive.pipe(z.number().max(MOST_CACHE_MB)),
    allowed: `a number above 0, up to ${MOST_CACHE_MB}`,
    variable: "NEXUS_CACHE_SIZE_MB",
  },
  gc_interval_hours: {
    schema: numeric.pipe(
      z
        .number()
        .max(MOST_HOURS)
        .refine((hours) => hours === 0 || hours >= FEWEST_HOURS),
    ),
    allowed: `a number of hours from ${FEWEST_HOURS} to ${MOST_HOURS}, or 0 for never`,
    variable: "NEXUS_GC_INTERVAL_HOURS",
  },
  gc_grace_minutes: {
    schema: numeric.pipe(
      z
        .number()
        .min(0)
        .max(MOST_HOURS * 60),
    ),
    allowed: `a number of minutes from 0 to ${MOST_HOURS * 60}`,
    variable: "NEXUS_GC_GRACE_MINUTES",
  },
  scrub_rate_mb: {
    schema: numeric.pipe(
      z
        .number()
        .max(MOST_SCRUB_MB)
        .refine((rate) => rate === 0 || rate >= LEAST_SCRUB_MB),
    ),
    allowed: `a number of MiB a second from ${LEAST_SCRUB_MB} to ${MOST_SCRUB_MB}, or 0 for never`,
    variable: "NEXUS_SCRUB_RATE_MB",
  },
  scrub_interval_days: {
    schema: numeric.pipe(
      z
        .number()
        .min(FEWEST_SCRUB_DAYS)
        .max(MOST_HOURS / 24),
    ),
    allowed: `a number of days from ${FEWEST_SCRUB_DAYS} to ${MOST_HOURS / 24}`,
    variable: "NEXUS_SCRUB_INTERVAL_DAYS",
  },
  enable_metadata_cache: { schema: flag, allowed: FLAG_WORDS, isPlanned: true },
  cache_path_size: { schema: count, allowed: COUNT_WORDS, isPlanned: true },
  cache_list_size: { schema: count, allowed: COUNT_WORDS, isPlanned: true },
  cache_kv_size: { schema: count, allowed: COUNT_WORDS, isPlanned: true },
  cache_exists_size: { schema: count, allowed: COUNT_WORDS, isPlanned: true },
  cache_ttl_seconds: { schema: count, allowed: COUNT_WORDS, isPlanned: true },
  enable_vector_search: {
    schema: flag,
    allowed: FLAG_WORDS,
    variable: "NEXUS_ENABLE_VECTOR_SEARCH",
    isPlanned: true,
  },
  enable_llm_cache: {
    schema: flag,
    allowed: FLAG_WORDS,
    variable: "NEXUS_ENABLE_LLM_CACHE",
    isPlanned: true,
  },
  // Whoever sets these wants another one's data, and must not be given this machine's.
  url: { schema: z.literal(""), allowed: NOTHING_YET, variable: "NEXUS_URL", isPlanned: true },
  api_key: {
    schema: z.literal(""),
    allowed: NOTHING_YET,
    variable: "NEXUS_API_KEY",
    isSecret: true,
    isPlanned: true,
  },
  timeout: {
    schema: positive,
    allowed: "seconds, above 0",
    variable: "NEXUS_TIMEOUT",
    isPlanned: true,
  },
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
