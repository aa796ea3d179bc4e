// Two tenants on one store: neither sees what is the other's, and agents of one tenant share.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AccessDeniedError, connect } from "nexus-mount";

const dataDir = process.argv[2] ?? mkdtempSync(join(tmpdir(), "nexus-"));

// A client has one identity. Clients of one process share the open store.
const acme = await connect({ dataDir, tenantId: "acme", agentId: "agent1" });
const techinc = await connect({ dataDir, tenantId: "techinc", agentId: "agent1" });
const colleague = await connect({ dataDir, tenantId: "acme", agentId: "agent2" });

await acme.write("/workspace/acme/agent1/secret.txt", "ACME data");

// Another tenant is refused, and so is another agent of the same tenant.
for (const [who, client] of Object.entries({ techinc, colleague })) {
  await assert.rejects(client.read("/workspace/acme/agent1/secret.txt"), (error) => {
    assert.ok(error instanceof AccessDeniedError);
    console.log(`${who} may not read it: ${error.message}`);
    return true;
  });
}

// It can't even learn what there is: not by asking, not by listing, not by searching.
assert.equal(await techinc.exists("/workspace/acme/agent1/secret.txt"), false);
const { entries } = await techinc.list({ prefix: "/workspace" });
assert.deepEqual(entries, []);
for await (const path of techinc.glob("/**/secret.txt")) assert.fail(`found ${path}`);
console.log("techinc finds nothing of it in lists and searches");

// What belongs to the whole tenant goes to /shared.
await acme.write("/shared/acme/team-data.json", '{"project": "collaboration"}');
const shared = (await colleague.read("/shared/acme/team-data.json")).toString();
assert.equal(JSON.parse(shared).project, "collaboration");
await assert.rejects(techinc.read("/shared/acme/team-data.json"), AccessDeniedError);
console.log(`agent2 of acme reads ${shared}`);

for (const client of [acme, techinc, colleague]) await client.close();
