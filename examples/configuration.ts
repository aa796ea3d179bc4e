// Where settings come from: what connect() is given, then NEXUS_* variables, then a file, then defaults.
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connect, InvalidConfigError } from "nexus-mount";

const dataDir = process.argv[2] ?? mkdtempSync(join(tmpdir(), "nexus-"));
const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

// A file by name. Only `dataDir` is from here, so that nothing is written beside the file.
const named = await connect({ configPath: file("config-basic.yaml"), dataDir });
assert.equal(named.dataDir, dataDir);
assert.deepEqual(named.identity, { isAdmin: false });
console.log("config-basic.yaml: nobody in particular");
await named.close();

// ./nexus.yaml is found without being named. Paths in it are relative to the file.
const project = mkdtempSync(join(tmpdir(), "nexus-project-"));
writeFileSync(
  join(project, "nexus.yaml"),
  `
    data_dir: ./our-data
    tenant_id: acme
    agent_id: \${AGENT:-agent1}
  `,
);
process.chdir(project);
const found = await connect();
assert.deepEqual(found.identity, { tenantId: "acme", agentId: "agent1", isAdmin: false });
assert.ok(found.dataDir.endsWith("/our-data"));
console.log(`nexus.yaml: tenant ${found.identity.tenantId}, agent ${found.identity.agentId}`);
await found.close();

// The environment wins over the file,
process.env.NEXUS_DATA_DIR = dataDir;
process.env.NEXUS_TENANT_ID = "techinc";
const fromEnvironment = await connect();
assert.equal(fromEnvironment.dataDir, dataDir);
assert.equal(fromEnvironment.identity.tenantId, "techinc");
console.log(`NEXUS_TENANT_ID: tenant ${fromEnvironment.identity.tenantId}`);
await fromEnvironment.close();

// and what connect() is given wins over both.
const explicit = await connect({ tenantId: "initech" });
assert.equal(explicit.identity.tenantId, "initech");
assert.equal(explicit.identity.agentId, "agent1");
console.log(`connect({ tenantId }): tenant ${explicit.identity.tenantId}`);
await explicit.close();

// A slip is an error that says what was meant.
process.env.NEXUS_TENNANT_ID = "acme";
await assert.rejects(connect(), (error) => {
  assert.ok(error instanceof InvalidConfigError);
  console.log(error.message);
  return true;
});
