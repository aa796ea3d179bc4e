// Files and directories: write, read, list, look, delete.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, FileNotFoundError, PreconditionFailedError } from "nexus-mount";

const dataDir = process.argv[2] ?? mkdtempSync(join(tmpdir(), "nexus-"));
const nexus = await connect({ dataDir });

// Directories on the way are made.
await nexus.write("/documents/report.md", "# Report\n\nAll is well.\n");
await nexus.write("/documents/2026/plan.md", "# Plan\n");
await nexus.write("/images/photo.jpg", Buffer.from([0xff, 0xd8, 0xff, 0xe0]));

// What is read is bytes; text is one step further.
const report = (await nexus.read("/documents/report.md")).toString();
assert.equal(report, "# Report\n\nAll is well.\n");
console.log(`report.md has ${report.length} characters`);

await nexus.append("/documents/report.md", "Still.\n");

const { size, mimeType, etag } = await nexus.stat("/documents/report.md");
assert.equal(mimeType, "text/markdown");
assert.ok(etag);
console.log(`then ${size} bytes of ${mimeType}, etag ${etag.slice(0, 8)}...`);

// Everything below a prefix. One page has 1,000 entries; walk() goes through all pages.
const { entries } = await nexus.list({ prefix: "/documents" });
const paths = entries.map(({ path }) => path);
assert.deepEqual(paths, ["/documents/2026/plan.md", "/documents/report.md"]);
console.log(`documents: ${paths.join(", ")}`);

// Only if nobody has changed it since we looked: the second one comes too late.
await nexus.write("/documents/report.md", "# Second report\n", { ifMatch: etag });
await assert.rejects(
  nexus.write("/documents/report.md", "# Third report\n", { ifMatch: etag }),
  PreconditionFailedError,
);
console.log("what we have looked at is changed once");

await nexus.delete("/images/photo.jpg");
assert.equal(await nexus.exists("/images/photo.jpg"), false);
await assert.rejects(nexus.read("/images/photo.jpg"), FileNotFoundError);
console.log("the photo is gone");

await nexus.mkdir("/workspace/agent1/data", { parents: true });
assert.equal(await nexus.isDirectory("/workspace/agent1"), true);
await nexus.write("/workspace/agent1/data/numbers.csv", "1,2,3\n");
await nexus.rmdir("/workspace/agent1/data", { recursive: true });
assert.equal(await nexus.isDirectory("/workspace/agent1/data"), false);
console.log("the directory is gone, with what was in it");

// What was written is still there when the store is opened again.
await nexus.close();
const again = await connect({ dataDir });
assert.equal((await again.read("/documents/report.md")).toString(), "# Second report\n");
console.log("and the report is there after opening again");
await again.close();
