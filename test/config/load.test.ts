import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ConfigPlace, flags } from "../support/config-place.js";

describe("what wins", () => {
  const yaml = "tenant_id: from-file\nagent_id: from-file\ncache_size_mb: 7\n";
  const env = { NEXUS_TENANT_ID: "from-env", NEXUS_AGENT_ID: "from-env" };
  const explicit = flags({ tenant_id: "from-flag" });

  test("flags win over the environment, that over the file, that over the defaults", () => {
    expect(new ConfigPlace().loadYaml(yaml, { env, explicit })).toMatchObject({
      tenantId: "from-flag",
      agentId: "from-env",
      cacheSizeMb: 7,
      binding: "device",
      atime: "relatime",
    });
  });

  test("a false in front wins over a true behind", () => {
    const place = new ConfigPlace();
    const isAdmin = { NEXUS_IS_ADMIN: "true" };
    expect(place.load({ env: isAdmin, explicit: flags({ is_admin: false }) }).isAdmin).toBe(false);
    expect(place.loadYaml("is_admin: true", { env: { NEXUS_IS_ADMIN: "no" } }).isAdmin).toBe(false);
  });

  test("an environment variable that is empty isn't set", () => {
    const config = new ConfigPlace().loadYaml(yaml, { env: { NEXUS_TENANT_ID: "" } });
    expect(config.tenantId).toBe("from-file");
  });

  test("a bad value that something better replaces does no harm", () => {
    const place = new ConfigPlace();
    const config = place.loadYaml("log_level: loud", { env: { NEXUS_LOG_LEVEL: "warn" } });
    expect(config.logLevel).toBe("warn");
  });
});

describe("with nothing set", () => {
  test("everything has its default", () => {
    const place = new ConfigPlace();
    const dataDir = join(place.home, ".nexus", "data");
    expect(place.load()).toEqual({
      dataDir,
      dbPath: join(dataDir, "metadata.db"),
      tenantId: undefined,
      agentId: undefined,
      isAdmin: false,
      namespaces: [],
      mounts: [],
      identities: [],
      quotaBytes: undefined,
      quotaFiles: undefined,
      quotas: [],
      cacheSizeMb: 100,
      gcIntervalHours: 24,
      gcGraceMinutes: 60,
      scrubRateMb: 10,
      scrubIntervalDays: 30,
      binding: "device",
      atime: "relatime",
      allowOther: false,
      readOnly: false,
      logLevel: "info",
      logFile: undefined,
    });
  });

  test("a command keeps its data in ./nexus-data if that is there, else at home", () => {
    const place = new ConfigPlace();
    expect(place.load({ face: "command" }).dataDir).toBe(join(place.home, ".nexus", "data"));
    place.write("cwd/nexus-data/metadata.db", "");
    expect(place.load({ face: "command" }).dataDir).toBe(join(place.cwd, "nexus-data"));
  });

  test("a library keeps its data in ./nexus-data, there or not", () => {
    const place = new ConfigPlace();
    expect(place.load({ face: "library" }).dataDir).toBe(join(place.cwd, "nexus-data"));
  });

  test("the home is the one that HOME names", () => {
    const place = new ConfigPlace();
    const env = { HOME: join(place.base, "other") };
    const { dataDir } = place.load({ env, homeFromEnvironment: true });
    expect(dataDir).toBe(join(place.base, "other", ".nexus", "data"));
  });

  test("an empty HOME is none: the data is at an absolute place all the same", () => {
    const place = new ConfigPlace();
    const { dataDir } = place.load({ env: { HOME: "" }, homeFromEnvironment: true });
    expect(dataDir).toMatch(/^\//);
  });
});

describe("paths", () => {
  test("in a file are relative to the file, elsewhere to the working directory", () => {
    const place = new ConfigPlace();
    const configPath = place.write("etc/nexus.yaml", "data_dir: data\nlog_file: ../log/a.log\n");
    expect(place.load({ configPath })).toMatchObject({
      dataDir: join(place.base, "etc", "data"),
      logFile: join(place.base, "log", "a.log"),
    });
    const env = { NEXUS_DATA_DIR: "from-env" };
    expect(place.load({ configPath, env }).dataDir).toBe(join(place.cwd, "from-env"));
    const explicit = flags({ data_dir: "from-flag" });
    expect(place.load({ configPath, env, explicit }).dataDir).toBe(join(place.cwd, "from-flag"));
  });

  test.each([
    ["~", ""],
    ["~/nexus", "nexus"],
  ])("%s stands for the home", (written, below) => {
    const place = new ConfigPlace();
    const { dataDir } = place.load({ explicit: flags({ data_dir: written }) });
    expect(dataDir).toBe(join(place.home, below));
  });

  test("a name that only starts with ~ is a name", () => {
    const place = new ConfigPlace();
    const { dataDir } = place.load({ explicit: flags({ data_dir: "~nexus/data" }) });
    expect(dataDir).toBe(join(place.cwd, "~nexus", "data"));
  });

  test("the database lies in the data directory unless it is told otherwise", () => {
    const place = new ConfigPlace();
    const dataDir = join(place.base, "data");
    const explicit = flags({ data_dir: dataDir });
    expect(place.load({ explicit }).dbPath).toBe(join(dataDir, "metadata.db"));
    const env = { NEXUS_DB_PATH: "/fast/disk.db" };
    expect(place.load({ explicit, env }).dbPath).toBe("/fast/disk.db");
  });
});

describe("every environment variable", () => {
  test.each([
    ["NEXUS_DATA_DIR", "/d", { dataDir: "/d", dbPath: "/d/metadata.db" }],
    ["NEXUS_DB_PATH", "/d/x.db", { dbPath: "/d/x.db" }],
    ["NEXUS_TENANT_ID", "42", { tenantId: "42" }],
    ["NEXUS_AGENT_ID", "a", { agentId: "a" }],
    ["NEXUS_IS_ADMIN", "yes", { isAdmin: true }],
    ["NEXUS_ATIME", "noatime", { atime: "noatime" }],
    ["NEXUS_BINDING", "fuse-native", { binding: "fuse-native" }],
    ["NEXUS_ALLOW_OTHER", "on", { allowOther: true }],
    ["NEXUS_READ_ONLY", "1", { readOnly: true }],
    ["NEXUS_LOG_LEVEL", "debug", { logLevel: "debug" }],
    ["NEXUS_LOG_FILE", "/l", { logFile: "/l" }],
    ["NEXUS_CACHE_SIZE_MB", "12.5", { cacheSizeMb: 12.5 }],
    ["NEXUS_GC_INTERVAL_HOURS", "0.5", { gcIntervalHours: 0.5 }],
    ["NEXUS_GC_GRACE_MINUTES", "0", { gcGraceMinutes: 0 }],
    ["NEXUS_SCRUB_RATE_MB", "0", { scrubRateMb: 0 }],
    ["NEXUS_SCRUB_INTERVAL_DAYS", "0.5", { scrubIntervalDays: 0.5 }],
    ["NEXUS_QUOTA_BYTES", "10G", { quotaBytes: 10 * 2 ** 30 }],
    ["NEXUS_QUOTA_BYTES", "1.5 MiB", { quotaBytes: 1.5 * 2 ** 20 }],
    ["NEXUS_QUOTA_FILES", "1000", { quotaFiles: 1000 }],
  ])("%s=%s is understood", (variable, value, effect) => {
    expect(new ConfigPlace().load({ env: { [variable]: value } })).toMatchObject(effect);
  });

  test.each([
    ["NEXUS_MODE", "embedded"],
    ["NEXUS_ENABLE_VECTOR_SEARCH", "off"],
    ["NEXUS_ENABLE_LLM_CACHE", "0"],
    ["NEXUS_TIMEOUT", "2"],
  ])("%s=%s is accepted, and changes nothing yet", (variable, value) => {
    const place = new ConfigPlace();
    expect(place.load({ env: { [variable]: value } })).toStrictEqual(place.load());
  });
});

test("a configuration with everything that is planned can be used, as long as it isn't a server", () => {
  const place = new ConfigPlace();
  const yaml = `
mode: embedded
data_dir: ./nexus-data
db_path: ./nexus-data/metadata.db
tenant_id: acme
agent_id: agent1
is_admin: false
cache_size_mb: 100
enable_vector_search: true
enable_llm_cache: true
enable_metadata_cache: true
cache_path_size: 512
cache_list_size: 128
cache_kv_size: 256
cache_exists_size: 1024
cache_ttl_seconds: 300
timeout: 30
url:
api_key: \${NEXUS_API_KEY:-}
namespaces:
  - { name: analytics, readonly: false, admin_only: false, requires_tenant: true }
  - { name: audit, readonly: false, admin_only: true, requires_tenant: false }
`;
  expect(place.loadYaml(yaml)).toMatchObject({
    dataDir: join(place.cwd, "nexus-data"),
    dbPath: join(place.cwd, "nexus-data/metadata.db"),
    tenantId: "acme",
    namespaces: [{ name: "analytics" }, { name: "audit" }],
  });
});
