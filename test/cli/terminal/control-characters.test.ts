import { describe, expect, test } from "vitest";
import { each, fakeClient, listedFile, workItem } from "../fake-client.js";
import { runCommand } from "../run-command.js";

const ESC = "\u001b[2J\u0007\u0000\u009b1m";
const PATH = `/jobs/${ESC}`;

const entry = listedFile(PATH);
const item = workItem(PATH, { workerId: ESC });
const client = fakeClient({
  walk: () => each([entry]),
  glob: () => each([PATH]),
  grep: () =>
    each([{ path: PATH, lineNumber: 1, line: ESC, start: 0, end: 2, before: [ESC], after: [ESC] }]),
  stat: async () => ({ ...entry, version: 1 }),
  findDuplicates: async () => ({
    ...{ totalFiles: 2, uniqueHashes: 1, duplicateGroups: 1, duplicateFiles: 2 },
    duplicates: [{ contentHash: "h", sizeBytes: 1, paths: [PATH, PATH] }],
  }),
  exportMetadata: async () => ({ files: 1, bytes: 1 }),
  metadata: {
    list: async () => new Map([[ESC, ESC]]),
    getBytes: async () => Buffer.from(ESC),
  },
  queue: {
    ready: async () => [item],
    inProgress: async () => [item],
    claim: async () => item,
    dependencies: async () => [{ reference: ESC, path: PATH, state: "waiting" }],
  },
});

describe("on a terminal, nothing that others have named commands it", () => {
  test.each(
    [
      ["ls", "/jobs"],
      ["ls", "-l", "/jobs"],
      ["ls", "-r", "--json", "/jobs"],
      ["tree", "/jobs"],
      ["info", "/a"],
      ["info", "--json", "/a"],
      ["glob", "*"],
      ["grep", "x", "-C", "1"],
      ["grep", "x", "--json"],
      ["find-duplicates"],
      ["meta", "list", "/a"],
      ["meta", "list", "--json", "/a"],
      ["meta", "get", "/a", "k"],
      ["work", "ready"],
      ["work", "in-progress"],
      ["work", "claim", "--worker", "w"],
      ["work", "deps", "/a"],
      ["export", `${ESC}.jsonl`],
    ].map((args) => [args]),
  )("by %j", async (args) => {
    const { code, stdout, stderr } = await runCommand(args, { client, stdout: "terminal" });
    expect([code, stderr]).toStrictEqual([0, ""]);
    expect(stdout).not.toBe("");
    expect(stdout).not.toMatch(/(?!\n)\p{Cc}/u);
    expect(stdout).toMatch(/\\(x|u00)1b\[2J\\(x|u00)07/);
  });
});
