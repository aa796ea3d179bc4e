// Backup and migration: metadata as JSON Lines, or one archive with the contents.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "nexus-mount";

const dataDir = process.argv[2] ?? mkdtempSync(join(tmpdir(), "nexus-"));
const backups = mkdtempSync(join(tmpdir(), "nexus-backups-"));
const nexus = await connect({ dataDir });

await nexus.write("/workspace/notes.md", "# Notes\n");
await nexus.metadata.set("/workspace/notes.md", "author", "ada");
await nexus.write("/jobs/build.json", '{"build": 42}');

// A line for each file: path, hash, times, version, custom metadata. No contents.
const all = await nexus.exportMetadata(join(backups, "all.jsonl"));
const part = await nexus.exportMetadata(join(backups, "workspace.jsonl"), { prefix: "/workspace" });
assert.equal(part.files, 1);
console.log(`exported ${all.files} files, ${part.files} of them from /workspace`);

const [line = ""] = (await readFile(join(backups, "workspace.jsonl"), "utf8")).split("\n");
const exported = JSON.parse(line);
assert.equal(exported.path, "/workspace/notes.md");
assert.deepEqual(exported.custom_metadata, { author: "ada" });
console.log(`a line has: ${Object.keys(exported).join(", ")}`);

// Back into the same store: what is as it was is no conflict.
await nexus.write("/workspace/notes.md", "# Other notes\n");
await nexus.copy("/jobs/build.json", "/jobs/kept.json");
await nexus.delete("/jobs/build.json");
const skipping = await nexus.importMetadata(join(backups, "all.jsonl"));
assert.ok(skipping.created >= 1 && skipping.skipped >= 1);
console.log(`import: ${skipping.created} created, ${skipping.skipped} skipped`);
// The content of build.json was still in the store, because kept.json has it, too.
assert.equal((await nexus.read("/jobs/build.json")).toString(), '{"build": 42}');

// To another machine: one archive with the contents.
const archive = join(backups, "everything.tar");
const { files, bytes } = await nexus.exportMetadata(archive, { withContent: true });
console.log(`exported ${files} files with ${bytes} bytes of contents`);
await nexus.close();

const elsewhere = await connect({ dataDir: join(backups, "other-machine") });
const trial = await elsewhere.importMetadata(archive, { dryRun: true });
assert.equal(trial.created, files);
assert.equal(await elsewhere.exists("/workspace/notes.md"), false);
const moved = await elsewhere.importMetadata(archive, { conflictMode: "overwrite" });
assert.equal(moved.created, files);
assert.equal((await elsewhere.read("/workspace/notes.md")).toString(), "# Other notes\n");
assert.equal(await elsewhere.metadata.get("/workspace/notes.md", "author"), "ada");
console.log(`another store has all ${moved.created}, with contents and metadata`);
await elsewhere.close();
