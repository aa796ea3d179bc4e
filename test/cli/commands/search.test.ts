import { describe, expect, test } from "vitest";
import type { DuplicateReport, GrepOptions } from "../../../src/features/search/search.js";
import type { ContentHash } from "../../../src/model/ids.js";
import { each, fakeClient } from "../fake-client.js";
import { runCommand } from "../run-command.js";

const MATCH = {
  ...{ path: "/a", lineNumber: 3, line: "a TODO", start: 2, end: 6 },
  ...{ before: [], after: [] },
};

function grepping(matches: readonly (typeof MATCH)[]) {
  const asked: (GrepOptions | undefined)[] = [];
  const client = fakeClient({
    grep: (_pattern, options) => {
      asked.push(options);
      return each(matches);
    },
  });
  return { client, asked };
}

describe("nexus grep", () => {
  test("prints where it is, and ends with 0", async () => {
    const { client } = grepping([MATCH]);
    const { code, stdout } = await runCommand(["grep", "TODO"], { client });
    expect([code, stdout]).toStrictEqual([0, "/a:3:a TODO\n"]);
  });

  test.each([[[]], [["--json"]]])("ends with 1 when nothing matched: %j", async (words) => {
    const { client } = grepping([]);
    const { code, stdout, stderr } = await runCommand(["grep", "TODO", ...words], { client });
    expect([code, stderr]).toStrictEqual([1, ""]);
    expect(stdout).toBe(words.length === 0 ? "" : "[]\n");
  });

  test("hands on what was asked for", async () => {
    const { client, asked } = grepping([MATCH]);
    const words = ["-p", "src", "-f", "*.ts", "-i", "-F", "-n", "5", "-C", "2", "-A", "0"];
    await runCommand(["grep", "TODO", ...words], { client });
    expect(asked).toMatchObject([
      {
        ...{ path: "/src", fileGlob: "*.ts", ignoreCase: true, fixedString: true },
        ...{ limit: 5, before: 2, after: 0 },
      },
    ]);
  });

  test("--json has all that is known of a match", async () => {
    const { client } = grepping([MATCH]);
    const { stdout } = await runCommand(["grep", "--json", "TODO"], { client });
    expect(JSON.parse(stdout)).toStrictEqual([
      {
        ...{ path: "/a", line_number: 3, line: "a TODO", start: 2, end: 6 },
        ...{ before: [], after: [] },
      },
    ]);
  });
});

describe("nexus glob", () => {
  test("prints paths, and begins where it is told", async () => {
    const asked: unknown[] = [];
    const client = fakeClient({
      glob: (pattern, options) => {
        asked.push([pattern, options?.path]);
        return each(["/jobs/a", "/jobs/b"]);
      },
    });
    const { code, stdout } = await runCommand(["glob", "*", "-p", "/jobs"], { client });
    expect([code, stdout, asked]).toStrictEqual([0, "/jobs/a\n/jobs/b\n", [["*", "/jobs"]]]);
    const { stdout: json } = await runCommand(["glob", "*", "--json"], { client });
    expect(JSON.parse(json)).toStrictEqual(["/jobs/a", "/jobs/b"]);
  });
});

describe("nexus find-duplicates", () => {
  const report: DuplicateReport = {
    ...{ totalFiles: 5, uniqueHashes: 4, duplicateGroups: 1, duplicateFiles: 2 },
    duplicates: [{ contentHash: "e1" as ContentHash, sizeBytes: 2048, paths: ["/a", "/b"] }],
  };
  const client = fakeClient({ findDuplicates: async () => report });

  test("--json has these keys, in this order", async () => {
    const { stdout } = await runCommand(["find-duplicates", "--json"], { client });
    expect(stdout).toBe(
      `${JSON.stringify(
        {
          ...{ total_files: 5, unique_hashes: 4, duplicate_groups: 1, duplicate_files: 2 },
          duplicates: [{ content_hash: "e1", paths: ["/a", "/b"] }],
        },
        undefined,
        2,
      )}\n`,
    );
  });

  test("says what is equal, and what it saves", async () => {
    const { stdout } = await runCommand(["find-duplicates"], { client });
    expect(stdout).toBe(
      "2 files of 2.0K  e1\n  /a\n  /b\n\n1 content in 2 files, of 5 files. Stored once, they save 2.0K.\n",
    );
  });
});
