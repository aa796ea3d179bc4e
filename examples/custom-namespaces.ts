// Namespaces of your own: who may enter, who may write.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AccessDeniedError, connect, type NamespaceOption } from "nexus-mount";

const dataDir = process.argv[2] ?? mkdtempSync(join(tmpdir(), "nexus-"));

const namespaces: NamespaceOption[] = [
  { name: "ml_models" }, // /ml_models/{tenant}/...: each tenant has its own
  { name: "datasets" },
  { name: "audit", adminOnly: true, requiresTenant: false },
];

// Clients that are open at the same time have to agree on the namespaces.
const user = await connect({ dataDir, namespaces, tenantId: "acme" });
const other = await connect({ dataDir, namespaces, tenantId: "techinc" });
const admin = await connect({ dataDir, namespaces, isAdmin: true });

await user.write("/ml_models/acme/classifier-v1.bin", Buffer.from([1, 2, 3]));
await user.write("/datasets/acme/training/data.csv", "x,y\n1,2\n");
await assert.rejects(other.read("/ml_models/acme/classifier-v1.bin"), AccessDeniedError);
console.log("acme's model is acme's alone");

await assert.rejects(user.write("/audit/access.log", "log entry"), (error) => {
  assert.ok(error instanceof AccessDeniedError);
  console.log(`acme may not write the audit log: ${error.message}`);
  return true;
});
await admin.write("/audit/access.log", "log entry");
console.log("an admin may");

for (const client of [user, other, admin]) await client.close();

// The same from a file; what is given beside it wins. The file expands ${TENANT_ID} and ${AGENT_ID}.
process.env.TENANT_ID = "acme";
process.env.AGENT_ID = "agent1";
const configPath = fileURLToPath(new URL("config-multi-tenant.yaml", import.meta.url));
const fromFile = await connect({ configPath, dataDir });
assert.deepEqual(fromFile.identity, { tenantId: "acme", agentId: "agent1", isAdmin: false });

await fromFile.write("/analytics/acme/daily_report.json", '{"revenue": 50000}');
await assert.rejects(fromFile.write("/analytics/techinc/theirs.json", "{}"), AccessDeniedError);
await assert.rejects(fromFile.write("/audit/access.log", "log entry"), AccessDeniedError);
console.log("config-multi-tenant.yaml declares /analytics and /audit, too");
await fromFile.close();
