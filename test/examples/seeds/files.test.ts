import { describe, expect, test } from "vitest";
import { blobsOf, hashOf } from "../../support/data-directory.js";
import { testDir } from "../../support/temp-dir.js";
import { opened } from "./opened.js";

// The samples of the embedded mode's documentation on files, in TypeScript.

describe("samples on files", () => {
  test("basic file operations", async () => {
    const nexus = await opened({ dataDir: testDir() });

    await nexus.write("/documents/report.pdf", Buffer.from("PDF content..."));
    await nexus.write("/images/photo.jpg", Buffer.from("JPEG data..."));

    expect(await nexus.read("/documents/report.pdf")).toEqual(Buffer.from("PDF content..."));

    const files = (await nexus.list()).entries;
    expect(files.map(({ path }) => path)).toEqual(["/documents/report.pdf", "/images/photo.jpg"]);
    const images = (await nexus.list({ prefix: "/images" })).entries;
    expect(images.map(({ path }) => path)).toEqual(["/images/photo.jpg"]);

    await nexus.delete("/images/photo.jpg");
    expect(await nexus.exists("/images/photo.jpg")).toBe(false);

    await nexus.mkdir("/workspace/agent1/data", { parents: true });
    await nexus.write("/workspace/agent1/data/file", "something");
    await nexus.rmdir("/workspace/agent1/data", { recursive: true });
    expect(await nexus.isDirectory("/workspace/agent1/data")).toBe(false);
    expect(await nexus.isDirectory("/workspace/agent1")).toBe(true);

    await nexus.close();
  });

  test("automatic deduplication", async () => {
    const dataDir = testDir();
    let nexus = await opened({ dataDir });
    const content = Buffer.from("This is important data");
    await nexus.write("/documents/data.txt", content);
    await nexus.write("/reports/summary.txt", content);

    // Reference count: 2. Physical copies: 1.
    const references = (path: string) => nexus.metadata.get(path, "nexus.ref_count");
    expect((await nexus.stat("/documents/data.txt")).etag).toBe(hashOf(content));
    expect((await nexus.stat("/reports/summary.txt")).etag).toBe(hashOf(content));
    expect(await references("/reports/summary.txt")).toBe("2");
    await nexus.close();
    expect(blobsOf(dataDir).map(({ hash }) => hash)).toEqual([hashOf(content)]);

    nexus = await opened({ dataDir });
    await nexus.delete("/documents/data.txt");
    expect(await references("/reports/summary.txt")).toBe("1");
    expect(await nexus.read("/reports/summary.txt")).toEqual(content);

    await nexus.delete("/reports/summary.txt");
    await nexus.close();
    expect(blobsOf(dataDir)).toEqual([]);
  });

  test("use case 1: a single-tenant application", async () => {
    const nexus = await opened({ dataDir: testDir() });
    await nexus.write("/workspace/data.txt", "content");
    expect((await nexus.read("/workspace/data.txt")).toString()).toBe("content");
  });

  test("virtual paths and metadata: size, etag, timestamps", async () => {
    const nexus = await opened({ dataDir: testDir() });
    const before = Date.now();
    await nexus.write("/documents/notes.txt", "some text");
    const stat = await nexus.stat("/documents/notes.txt");
    expect(stat).toMatchObject({ path: "/documents/notes.txt", size: 9, version: 1 });
    expect(stat.etag).toBe(hashOf("some text"));
    expect(Math.abs(stat.createdAt.getTime() - before)).toBeLessThan(60_000);
    expect(stat.modifiedAt.getTime()).toBeGreaterThanOrEqual(stat.createdAt.getTime());
  });
});
