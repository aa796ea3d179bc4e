// An admin passes tenant and agent isolation; what is read-only is read-only for admins, too.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AccessDeniedError, connect, ReadOnlyError } from "nexus-mount";

const dataDir = process.argv[2] ?? mkdtempSync(join(tmpdir(), "nexus-"));
const user = await connect({ dataDir, tenantId: "acme" });
const stranger = await connect({ dataDir, tenantId: "admin" });
const admin = await connect({ dataDir, tenantId: "admin", isAdmin: true });

await user.write("/workspace/acme/agent1/secret.txt", "confidential");

// It isn't the name that makes an admin.
await assert.rejects(stranger.read("/workspace/acme/agent1/secret.txt"), AccessDeniedError);
console.log("the tenant 'admin' is a tenant like others");

const secret = (await admin.read("/workspace/acme/agent1/secret.txt")).toString();
assert.equal(secret, "confidential");
console.log(`an admin reads: ${secret}`);

// /system is for admins, to read.
await assert.rejects(user.list({ prefix: "/system" }), AccessDeniedError);
assert.deepEqual((await admin.list({ prefix: "/system" })).entries, []);
await assert.rejects(admin.write("/system/settings.json", "{}"), ReadOnlyError);
await assert.rejects(admin.write("/archives/acme/2025.tar", "..."), ReadOnlyError);
console.log("but writes neither to /system nor to /archives");

for (const client of [user, stranger, admin]) await client.close();
