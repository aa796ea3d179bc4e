import { AccessDeniedError, ReadOnlyError } from "nexus-mount";
import { describe, expect, test } from "vitest";
import { testDir } from "../../support/temp-dir.js";
import { opened } from "./opened.js";

// The samples of the embedded mode's documentation on tenants, agents and namespaces, in TypeScript.

describe("samples on tenants", () => {
  test("multi-tenant isolation", async () => {
    const dataDir = testDir();
    const acme = await opened({ dataDir, tenantId: "acme", agentId: "agent1" });
    const techinc = await opened({ dataDir, tenantId: "techinc", agentId: "agent1" });

    await acme.write("/workspace/acme/agent1/secret.txt", "ACME data");
    await expect(techinc.read("/workspace/acme/agent1/secret.txt")).rejects.toThrow(
      AccessDeniedError,
    );

    await acme.write("/shared/acme/team-data.json", '{"project": "collaboration"}');
    const agent2 = await opened({ dataDir, tenantId: "acme", agentId: "agent2" });
    const data = await agent2.read("/shared/acme/team-data.json");
    expect(JSON.parse(data.toString())).toEqual({ project: "collaboration" });
  });

  test("custom namespaces, option A: in the program", async () => {
    const nexus = await opened({
      dataDir: testDir(),
      tenantId: "acme",
      namespaces: [
        { name: "analytics", readonly: false, adminOnly: false, requiresTenant: true },
        { name: "audit", readonly: false, adminOnly: true, requiresTenant: false },
      ],
    });

    await nexus.write("/analytics/acme/daily_report.json", '{"revenue": 50000}');
    await expect(nexus.write("/audit/access.log", "log entry")).rejects.toThrow(AccessDeniedError);
  });

  describe("default namespaces", () => {
    const paths = {
      workspace: "/workspace/acme/agent1/file",
      shared: "/shared/acme/file",
      external: "/external/file",
      system: "/system/file",
      archives: "/archives/acme/file",
    };
    const may = "may write";
    const identities = {
      theirs: { tenantId: "acme", agentId: "agent1" },
      "another agent": { tenantId: "acme", agentId: "agent2" },
      "another tenant": { tenantId: "techinc", agentId: "agent1" },
      admin: { isAdmin: true },
    };

    test.each([
      ["workspace", "theirs", may],
      ["workspace", "another agent", AccessDeniedError],
      ["workspace", "another tenant", AccessDeniedError],
      ["workspace", "admin", may],
      ["shared", "theirs", may],
      ["shared", "another agent", may],
      ["shared", "another tenant", AccessDeniedError],
      ["shared", "admin", may],
      ["external", "theirs", may],
      ["external", "another tenant", may],
      ["system", "theirs", AccessDeniedError],
      ["system", "admin", ReadOnlyError],
      ["archives", "theirs", ReadOnlyError],
      ["archives", "another tenant", ReadOnlyError],
      ["archives", "admin", ReadOnlyError],
    ] as const)("%s, for %s", async (namespace, who, answer) => {
      const nexus = await opened({ dataDir: testDir(), ...identities[who] });
      const writing = nexus.write(paths[namespace], "content");
      if (answer === may) expect((await writing).size).toBe(7);
      else await expect(writing).rejects.toThrow(answer);
    });
  });

  test("admin access override", async () => {
    const dataDir = testDir();
    const user = await opened({ dataDir, tenantId: "acme", isAdmin: false });
    const admin = await opened({ dataDir, tenantId: "admin", isAdmin: true });

    await user.write("/workspace/acme/agent1/secret.txt", "confidential");
    const data = await admin.read("/workspace/acme/agent1/secret.txt");
    expect(data.toString()).toBe("confidential");
  });

  test("use case 3: an agent framework with isolated workspaces", async () => {
    const dataDir = testDir();
    const names = ["agent1", "agent2", "agent3"];
    for (const agentId of names) {
      const nexus = await opened({ dataDir, tenantId: "acme", agentId });
      await nexus.write(`/workspace/acme/${agentId}/state.json`, '{"status": "ready"}');
      await nexus.append("/shared/acme/roll-call.txt", `${agentId}\n`);
      const { entries } = await nexus.list({ prefix: "/workspace" });
      expect(entries.map(({ path }) => path)).toEqual([`/workspace/acme/${agentId}/state.json`]);
    }
    const nexus = await opened({ dataDir, tenantId: "acme" });
    const called = (await nexus.read("/shared/acme/roll-call.txt")).toString();
    expect(called).toBe("agent1\nagent2\nagent3\n");
  });

  test("use case 4: namespaces of an application", async () => {
    const dataDir = testDir();
    const namespaces = [
      { name: "ml_models", requiresTenant: true },
      { name: "datasets", requiresTenant: true },
      { name: "experiments", requiresTenant: true },
    ];
    const nexus = await opened({ dataDir, tenantId: "acme", namespaces });
    const paths = [
      "/datasets/acme/training/data.csv",
      "/experiments/acme/exp-001/results.json",
      "/ml_models/acme/classifier-v1.pkl",
    ];
    for (const path of paths) await nexus.write(path, Buffer.from([0, 1, 2]));
    expect((await nexus.list()).entries.map(({ path }) => path)).toEqual(paths);

    const other = await opened({ dataDir, tenantId: "techinc", namespaces });
    expect((await other.list()).entries).toEqual([]);
  });
});
