import { mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NexusClient } from "nexus-mount";
import { AccessDeniedError, connect } from "nexus-mount";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { testDir } from "../../support/temp-dir.js";

// The samples of the embedded mode's documentation on configuration, in TypeScript. Unlike others
// they are about the process: its working directory, its home and its environment.

const NAMESPACES = `
namespaces:
  - name: analytics
    readonly: false
    admin_only: false
    requires_tenant: true

  - name: audit
    readonly: false
    admin_only: true
    requires_tenant: false
`;

const NEXUS_YAML = `
mode: embedded
data_dir: ./nexus-data
tenant_id: acme
agent_id: agent1
${NAMESPACES}`;

const ACME = { tenantId: "acme", agentId: "agent1", isAdmin: false };

/** Connects, asks, closes. */
async function using<T>(
  options: Parameters<typeof connect>[0],
  ask: (nexus: NexusClient) => T | Promise<T>,
): Promise<T> {
  const nexus = await connect(options);
  try {
    return await ask(nexus);
  } finally {
    await nexus.close();
  }
}

describe("samples on configuration", () => {
  const start = process.cwd();
  let here = "";

  beforeEach(() => {
    here = realpathSync(testDir());
    mkdirSync(join(here, "home"));
    process.chdir(here);
    vi.stubEnv("HOME", join(here, "home"));
  });

  afterEach(() => {
    process.chdir(start);
    vi.unstubAllEnvs();
  });

  test("zero configuration", async () => {
    const dataDir = await using(undefined, async (nexus) => {
      await nexus.write("/workspace/data.txt", "content");
      expect(nexus.identity).toEqual({ isAdmin: false });
      return nexus.dataDir;
    });
    expect(dataDir).toBe(join(here, "nexus-data"));
    await using({ dataDir: "./nexus-data" }, async (nexus) => {
      expect((await nexus.read("/workspace/data.txt")).toString()).toBe("content");
    });
  });

  test("custom namespaces, option B: nexus.yaml, found or named", async () => {
    writeFileSync("nexus.yaml", NEXUS_YAML);
    mkdirSync("path/to", { recursive: true });
    writeFileSync("path/to/nexus.yaml", NEXUS_YAML);
    const tryNamespaces = async (nexus: NexusClient) => {
      expect(nexus.identity).toEqual(ACME);
      await nexus.write("/analytics/acme/daily_report.json", '{"revenue": 50000}');
      const audit = nexus.write("/audit/access.log", "log entry");
      await expect(audit).rejects.toThrow(AccessDeniedError);
      return nexus.dataDir;
    };
    expect(await using(undefined, tryNamespaces)).toBe(join(here, "nexus-data"));
    const beside = join(here, "path/to/nexus-data");
    expect(await using("path/to/nexus.yaml", tryNamespaces)).toBe(beside);
    expect(await using({ configPath: "path/to/nexus.yaml" }, tryNamespaces)).toBe(beside);
  });

  test("the correct way to use it: options, a file, or what is found", async () => {
    const options = { dataDir: "./nexus-data", tenantId: "acme", agentId: "agent1" };
    const identity = (nexus: NexusClient) => nexus.identity;
    expect(await using(options, identity)).toEqual(ACME);
    writeFileSync("nexus.yaml", NEXUS_YAML);
    expect(await using("nexus.yaml", identity)).toEqual(ACME);
    expect(await using(undefined, identity)).toEqual(ACME);
  });

  test("sources of configuration, in their order", async () => {
    const tenant = () => using(undefined, ({ identity }) => identity.tenantId);
    expect(await tenant()).toBeUndefined();
    mkdirSync("home/.nexus");
    writeFileSync("home/.nexus/config.yaml", "tenant_id: of-the-user\n");
    expect(await tenant()).toBe("of-the-user");
    writeFileSync("nexus.yaml", "tenant_id: of-the-directory\n");
    expect(await tenant()).toBe("of-the-directory");
    vi.stubEnv("NEXUS_TENANT_ID", "of-the-environment");
    expect(await tenant()).toBe("of-the-environment");
    const explicit = { tenantId: "explicit" };
    expect(await using(explicit, ({ identity }) => identity.tenantId)).toBe("explicit");
  });

  test("all configuration options", async () => {
    writeFileSync(
      "nexus.yaml",
      `
mode: embedded
data_dir: ./nexus-data
db_path: ./nexus-data/metadata.db
tenant_id: acme
agent_id: agent1
is_admin: false
cache_size_mb: 100
enable_vector_search: true
enable_llm_cache: true
${NAMESPACES}`,
    );
    await using(undefined, async (nexus) => {
      expect(nexus.identity).toEqual(ACME);
      await nexus.write("/analytics/acme/a", "a");
    });
  });

  test("environment variables", async () => {
    vi.stubEnv("NEXUS_MODE", "embedded");
    vi.stubEnv("NEXUS_DATA_DIR", "./elsewhere");
    vi.stubEnv("NEXUS_TENANT_ID", "acme");
    vi.stubEnv("NEXUS_AGENT_ID", "agent1");
    vi.stubEnv("NEXUS_IS_ADMIN", "false");
    await using(undefined, ({ identity, dataDir }) => {
      expect(identity).toEqual(ACME);
      expect(dataDir).toBe(join(here, "elsewhere"));
    });
    vi.stubEnv("NEXUS_IS_ADMIN", "true");
    expect(await using(undefined, ({ identity }) => identity.isAdmin)).toBe(true);
  });

  test("use case 2: a service for several tenants", async () => {
    writeFileSync(
      "nexus.yaml",
      `
mode: embedded
data_dir: ./nexus-data
tenant_id: \${TENANT_ID}
agent_id: \${AGENT_ID}
namespaces:
  - name: analytics
    requires_tenant: true
`,
    );
    for (const tenant of ["acme", "techinc"]) {
      vi.stubEnv("TENANT_ID", tenant);
      vi.stubEnv("AGENT_ID", "agent1");
      await using(undefined, async (nexus) => {
        expect(nexus.identity).toEqual({ tenantId: tenant, agentId: "agent1", isAdmin: false });
        await nexus.write(`/analytics/${tenant}/visits.csv`, "1,2\n");
        const { entries } = await nexus.list();
        expect(entries.map(({ path }) => path)).toEqual([`/analytics/${tenant}/visits.csv`]);
      });
    }
  });
});
