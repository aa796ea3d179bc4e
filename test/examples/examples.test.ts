import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import ts from "typescript";
import { beforeAll, describe, expect, test } from "vitest";
import { testDir } from "../support/temp-dir.js";

const run = promisify(execFile);
const EXAMPLES = fileURLToPath(new URL("../../examples", import.meta.url));
const SCRIPTS = fileURLToPath(new URL("../../scripts", import.meta.url));
const COMPILED = fileURLToPath(new URL("../../dist/.examples", import.meta.url));
const AS_IT_STANDS = "basic-operations";
const EXAMPLE_MS = 50_000;

/** What each example says of what matters in it, in its order. It checks more than that itself. */
const SAYS: Readonly<Record<string, readonly string[]>> = {
  "basic-operations": [
    "documents: /documents/2026/plan.md, /documents/report.md",
    "what we have looked at is changed once",
    "the photo is gone",
    "and the report is there after opening again",
  ],
  "multi-tenant": [
    "techinc may not read it: /workspace/acme/agent1/secret.txt: tenant 'techinc' can't access",
    "colleague may not read it: /workspace/acme/agent1/secret.txt: agent 'agent2' can't access",
    "techinc finds nothing of it in lists and searches",
    'agent2 of acme reads {"project": "collaboration"}',
  ],
  "custom-namespaces": [
    "acme's model is acme's alone",
    "acme may not write the audit log: /audit/access.log: namespace 'audit' requires admin",
    "an admin may",
    "config-multi-tenant.yaml declares /analytics and /audit, too",
  ],
  deduplication: [
    "it is referred to 3 times",
    "findDuplicates(): /documents/data.bin, /reports/copy.bin, /reports/summary.bin",
    "and is one blob",
    "after deleting two files the third still has it",
    "after deleting the third the blob is gone",
  ],
  "export-import": [
    "files, 1 of them from /workspace",
    "a line has: path, path_id, backend_name, physical_path, size, etag,",
    "import: 1 created, 1 skipped",
    "exported 3 files with 27 bytes of contents",
    "another store has all 3, with contents and metadata",
  ],
  configuration: [
    "config-basic.yaml: nobody in particular",
    "nexus.yaml: tenant acme, agent agent1",
    "NEXUS_TENANT_ID: tenant techinc",
    "connect({ tenantId }): tenant initech",
    "did you mean NEXUS_TENANT_ID?",
  ],
  "admin-override": [
    "the tenant 'admin' is a tenant like others",
    "an admin reads: confidential",
    "but writes neither to /system nor to /archives",
  ],
  "agent-workspaces": ["agent1", "agent2", "agent3"].map(
    (name) => `${name} knows its own state, and 3 findings`,
  ),
  "work-queue": [
    "ready: /jobs/fetch.json, priority 0",
    "ready: /jobs/parse.json, priority 1",
    "/jobs/fail.json: Error: this one never works, given up",
    "done: clean, fetch, index, parse, report",
    "5 completed, 1 failed after 3 attempts",
  ],
  dependencies: [
    "/pipeline/publish.json waits for /pipeline/train.json, /pipeline/check.json",
    "done in this order: prepare, train, check, publish",
  ],
};

/** Those that make most are run again on the data that they have left. */
const AGAIN: readonly string[] = ["basic-operations", "work-queue"];

/** The examples without their types, beside what is built, where they find the package by its name. */
function compileExamples(): void {
  mkdirSync(COMPILED, { recursive: true });
  for (const file of readdirSync(EXAMPLES)) {
    if (file.endsWith(".yaml")) copyFileSync(join(EXAMPLES, file), join(COMPILED, file));
    if (!file.endsWith(".ts")) continue;
    const { outputText } = ts.transpileModule(readFileSync(join(EXAMPLES, file), "utf8"), {
      compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
    });
    writeFileSync(join(COMPILED, file.replace(/\.ts$/, ".js")), outputText);
  }
}

/**
 * Runs one with Node and what is built; throws unless it ends with 0. The first one as its reader would;
 * the others are compiled once, since starting the compiler for each takes longer than they do.
 */
async function output(name: string, { base }: { base: string }): Promise<string> {
  const asItStands = ["--import", join(SCRIPTS, "typescript.mjs"), join(EXAMPLES, `${name}.ts`)];
  const program = name === AS_IT_STANDS ? asItStands : [join(COMPILED, `${name}.js`)];
  const args = [...program, join(base, "data")];
  const { stdout, stderr } = await run(process.execPath, args, {
    timeout: EXAMPLE_MS,
    cwd: base,
    env: { PATH: process.env.PATH, HOME: base, TMPDIR: join(base, "tmp") },
  });
  expect(stderr).toBe("");
  return stdout;
}

describe("the examples", () => {
  beforeAll(compileExamples);

  test("are all known here, and to scripts/example", async () => {
    const names = readdirSync(EXAMPLES)
      .filter((name) => name.endsWith(".ts"))
      .map((name) => basename(name, ".ts"))
      .sort();
    expect(names).toStrictEqual(Object.keys(SAYS).sort());
    const listed = await run(join(SCRIPTS, "example"), ["no-such-example"]).catch(
      (error: { code: number; stderr: string }) => error,
    );
    expect(listed).toMatchObject({ code: 2 });
    expect(listed.stderr.match(/^ {2}\S+$/gm)?.map((line) => line.trim())).toStrictEqual(names);
  });

  test.each(Object.entries(SAYS))("%s does what it says", async (name, lines) => {
    const base = testDir();
    mkdirSync(join(base, "tmp"));
    const first = await output(name, { base });
    let from = 0;
    for (const line of lines) {
      const at = first.indexOf(line, from);
      expect(at, `"${line}" in what is left of\n${first}`).toBeGreaterThanOrEqual(0);
      from = at + line.length;
    }
    if (!AGAIN.includes(name)) return;
    const second = await output(name, { base });
    for (const line of lines) expect(second).toContain(line);
  });
});
