import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { ExportOptions, ImportOptions } from "../../../src/features/transfer/transfer.js";
import { testDir } from "../../support/temp-dir.js";
import { fakeClient } from "../fake-client.js";
import { input, runCommand } from "../run-command.js";

describe("nexus export", () => {
  function exporting() {
    const asked: { target: string | Writable; options: ExportOptions | undefined }[] = [];
    const client = fakeClient({
      exportMetadata: async (target, options) => {
        asked.push({ target, options });
        if (typeof target !== "string") {
          target.write("{}\n");
          await new Promise<void>((resolve) => target.end(resolve));
        }
        return { files: 1, bytes: 2048 };
      },
    });
    return { client, asked };
  }

  test("says what it has done, for people and for programs", async () => {
    const { client } = exporting();
    const forPeople = await runCommand(["export", "out"], { client });
    expect(forPeople.stdout).toBe("Exported 1 file to out.\n");
    const withContent = await runCommand(["export", "out", "--with-content"], { client });
    expect(withContent.stdout).toBe("Exported 1 file and 2.0K of contents to out.\n");
    const forPrograms = await runCommand(["export", "out", "--json"], { client });
    expect(JSON.parse(forPrograms.stdout)).toStrictEqual({ files: 1, bytes: 2048 });
  });

  test("to standard output prints nothing but the export", async () => {
    const { client } = exporting();
    const { stdout, stderr } = await runCommand(["export", "-"], { client });
    expect([stdout, stderr]).toStrictEqual(["{}\n", ""]);
  });

  test("hands on what was asked for", async () => {
    const { client, asked } = exporting();
    const words = ["-p", "/jobs", "--tenant-id", "acme", "--after", "2026-01-31", "--with-content"];
    await runCommand(["export", "out", ...words], { client });
    expect(asked).toMatchObject([
      {
        target: "out",
        options: {
          ...{ prefix: "/jobs", tenantId: "acme", withContent: true },
          after: new Date("2026-01-31T00:00:00Z"),
        },
      },
    ]);
  });
});

describe("nexus import", () => {
  function importing() {
    const asked: { text: string; options: ImportOptions | undefined }[] = [];
    const collision = {
      ...{ path: "/a", existingEtag: "e1", importedEtag: "e2" },
      ...{ resolution: "skip", message: "another content" },
    } as const;
    const client = fakeClient({
      importMetadata: async (source, options) => {
        let text = "";
        for await (const chunk of source as Readable) text += String(chunk);
        asked.push({ text, options });
        return { created: 2, updated: 0, skipped: 1, remapped: 0, collisions: [collision] };
      },
    });
    return { client, asked };
  }

  test("reads a file or standard input, and says what it has done", async () => {
    const { client, asked } = importing();
    const file = join(testDir(), "in.jsonl");
    writeFileSync(file, "from a file");
    const { stdout } = await runCommand(["import", file], { client });
    await runCommand(["import", "-"], { client, stdin: input("from stdin") });
    expect(asked.map(({ text }) => text)).toStrictEqual(["from a file", "from stdin"]);
    expect(stdout).toBe(
      "PATH  RESOLUTION  MESSAGE\n/a    skip        another content\n\nImported 2 files: 2 created, 0 updated, 0 remapped; 1 skipped.\n",
    );
  });

  test("--dry-run says what would be done", async () => {
    const { client, asked } = importing();
    const { stdout } = await runCommand(["import", "-", "--dry-run"], { client });
    expect(stdout).toContain("Would import 2 files: ");
    expect(asked).toMatchObject([{ options: { dryRun: true, conflictMode: "skip" } }]);
  });

  test("--json has the counts and the collisions", async () => {
    const { client } = importing();
    const { stdout } = await runCommand(["import", "-", "--json"], { client });
    expect(JSON.parse(stdout)).toStrictEqual({
      ...{ created: 2, updated: 0, skipped: 1, remapped: 0 },
      collisions: [
        {
          ...{ path: "/a", existing_etag: "e1", imported_etag: "e2" },
          ...{ resolution: "skip", message: "another content" },
        },
      ],
    });
  });

  test.each([
    [["--overwrite"], "overwrite"],
    [["--conflict-mode", "remap"], "remap"],
    [["--overwrite", "--conflict-mode", "overwrite"], "overwrite"],
  ])("%j is a mode", async (words, conflictMode) => {
    const { client, asked } = importing();
    await runCommand(["import", "-", ...words], { client });
    expect(asked).toMatchObject([{ options: { conflictMode } }]);
  });

  test.each([
    [
      ["-", "--overwrite", "--conflict-mode", "auto"],
      2,
      /--overwrite and --conflict-mode auto don't/,
    ],
    [["-", "--conflict-mode", "all"], 2, /Allowed choices are skip, overwrite, remap, auto/],
    [["/nonexistent/x"], 1, /x can't be read: there is no such file/],
  ])("refuses %j", async (words, expected, message) => {
    const { client, asked } = importing();
    const { code, stderr } = await runCommand(["import", ...words], { client });
    expect([code, asked]).toStrictEqual([expected, []]);
    expect(stderr).toMatch(message);
  });
});
