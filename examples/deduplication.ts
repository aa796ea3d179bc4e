// Contents are stored by their hash: equal ones once, and as long as a file refers to them.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "nexus-mount";

const dataDir = process.argv[2] ?? mkdtempSync(join(tmpdir(), "nexus-"));
const content = randomBytes(100_000);
const hash = createHash("sha256").update(content).digest("hex");

let nexus = await connect({ dataDir });
await nexus.write("/documents/data.bin", content);
await nexus.write("/reports/summary.bin", content);
await nexus.copy("/reports/summary.bin", "/reports/copy.bin");

// The etag of a file is the SHA-256 of its content.
assert.equal((await nexus.stat("/documents/data.bin")).etag, hash);
assert.equal((await nexus.stat("/reports/summary.bin")).etag, hash);
console.log(`three files have the content ${hash.slice(0, 8)}...`);

// On a mount: getfattr -n user.nexus.ref_count FILE
const references = () => nexus.metadata.get("/reports/summary.bin", "nexus.ref_count");
assert.equal(await references(), "3");
console.log(`it is referred to ${await references()} times`);

const [group] = (await nexus.findDuplicates({ prefix: "/" })).duplicates.filter(
  ({ contentHash }) => contentHash === hash,
);
assert.deepEqual(group?.paths, [
  "/documents/data.bin",
  "/reports/copy.bin",
  "/reports/summary.bin",
]);
console.log(`findDuplicates(): ${group.paths.join(", ")}`);

// And stored once. What is closed is all on disk.
const blob = join(dataDir, "cas", hash.slice(0, 2), hash.slice(2, 4), hash);
await nexus.close();
assert.ok(existsSync(blob));
console.log("and is one blob");

nexus = await connect({ dataDir });
await nexus.delete("/documents/data.bin");
await nexus.delete("/reports/copy.bin");
assert.equal(await references(), "1");
assert.deepEqual(await nexus.read("/reports/summary.bin"), content);
console.log("after deleting two files the third still has it");

await nexus.delete("/reports/summary.bin");
await nexus.close();
assert.equal(existsSync(blob), false);
console.log("after deleting the third the blob is gone");
