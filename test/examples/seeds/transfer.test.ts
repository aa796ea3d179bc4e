import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hashOf } from "../../support/data-directory.js";
import { testDir } from "../../support/temp-dir.js";
import { opened } from "./opened.js";

// The samples of the embedded mode's documentation on export and import, in TypeScript.

function linesOf(file: string): Record<string, unknown>[] {
  const lines = readFileSync(file, "utf8").split("\n");
  expect(lines.pop()).toBe("");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("samples on export and import", () => {
  test("backup and migration", async () => {
    const backups = testDir();
    const backup = join(backups, "backup.jsonl");
    const nexus = await opened({ dataDir: testDir() });
    await nexus.write("/workspace/data.txt", "content");
    await nexus.write("/documents/data.txt", "content");
    await nexus.write("/documents/other.txt", "other");

    expect(await nexus.exportMetadata(backup)).toMatchObject({ files: 3 });
    const part = join(backups, "workspace-backup.jsonl");
    expect(await nexus.exportMetadata(part, { prefix: "/workspace" })).toMatchObject({ files: 1 });
    expect(linesOf(part).map(({ path }) => path)).toEqual(["/workspace/data.txt"]);

    // Its content is still in the store, because another file has it.
    await nexus.delete("/workspace/data.txt");
    await nexus.write("/documents/other.txt", "something else");
    await nexus.write("/documents/kept.txt", "other");
    expect(await nexus.importMetadata(backup)).toMatchObject({ created: 1, skipped: 1 });
    const text = async (path: string) => (await nexus.read(path)).toString();
    expect(await text("/workspace/data.txt")).toBe("content");
    expect(await text("/documents/other.txt")).toBe("something else");

    await nexus.importMetadata(backup, { conflictMode: "overwrite" });
    expect(await text("/documents/other.txt")).toBe("other");
    await nexus.close();
  });

  test("the format of a line", async () => {
    const file = join(testDir(), "backup.jsonl");
    const nexus = await opened({ dataDir: testDir() });
    await nexus.write("/documents/notes.md", "# Notes\n");
    await nexus.metadata.set("/documents/notes.md", "author", "ada");
    const { pathId } = await nexus.stat("/documents/notes.md");
    await nexus.exportMetadata(file);
    const [line = {}] = linesOf(file);
    expect(Object.keys(line)).toEqual([
      ...["path", "path_id", "backend_name", "physical_path", "size", "etag", "mime_type"],
      ...["created_at", "modified_at", "version", "custom_metadata"],
    ]);
    const isoTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/);
    expect(line).toEqual({
      path: "/documents/notes.md",
      path_id: pathId,
      backend_name: "local",
      physical_path: hashOf("# Notes\n"),
      size: 8,
      etag: hashOf("# Notes\n"),
      mime_type: "text/markdown",
      created_at: isoTime,
      modified_at: isoTime,
      version: 1,
      custom_metadata: { author: "ada" },
    });
  });

  test("migration to another store", async () => {
    const archive = join(testDir(), "everything.tar");
    const nexus = await opened({ dataDir: testDir() });
    await nexus.write("/documents/data.txt", "content");
    await nexus.exportMetadata(archive, { withContent: true });

    const other = await opened({ dataDir: testDir() });
    expect(await other.importMetadata(archive)).toMatchObject({ created: 1 });
    expect((await other.read("/documents/data.txt")).toString()).toBe("content");
  });
});
