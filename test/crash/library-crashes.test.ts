import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { connect as connectType } from "../../src/index.js";
import type { Failpoint } from "../../src/model/failpoint.js";
import { problemsIn } from "../support/data-directory.js";
import { makeTempDir, testDir } from "../support/temp-dir.js";
import { BY_THE_LIBRARY } from "./library-failpoints.js";

// What no operation on a mount leads to: killed half-way, all of it has happened or nothing, and it can be done
// again.

const BUILT = new URL("../../dist/index.js", import.meta.url).href;
const PROGRAM = fileURLToPath(new URL("library-program.mjs", import.meta.url));
const { connect } = (await import(BUILT)) as { connect: typeof connectType };

const FILES = 40;
let archive: string;
let records: string;

beforeAll(async () => {
  const base = makeTempDir();
  archive = join(base, "all.nexus");
  records = join(base, "all.jsonl");
  const nexus = await connect({ dataDir: join(base, "store") });
  const numbers = Array.from({ length: FILES }, (_, index) => index);
  await nexus.writeMany(
    numbers.map((number) => ({ path: `/jobs/${number}`, content: `${number} `.repeat(500) })),
  );
  await nexus.metadata.setMany(
    numbers.map((number) => ({ path: `/jobs/${number}`, key: "status", value: "ready" })),
  );
  await nexus.exportMetadata(archive, { withContent: true });
  await nexus.exportMetadata(records);
  await nexus.close();
  return () => rmSync(base, { recursive: true, force: true });
});

/** Runs a program that uses the library until it is killed at a failpoint. */
async function killedAt(failpoint: string, args: readonly string[]): Promise<void> {
  const reached = join(testDir(), "reached");
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, NEXUS_FAILPOINTS: failpoint, NEXUS_FAILPOINTS_FILE: reached },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child, "close");
  expect(child.signalCode).toBe("SIGKILL");
  expect(readFileSync(reached, "utf8")).toBe(`${failpoint.replace(/:.*/, "")}\n`);
}

const tried: Failpoint[] = [];

describe("a program that uses the library and dies", () => {
  test.each([
    ["import-checked", [0]],
    ["import-committed", [FILES]],
    ["blobs-durable", [0]],
    ["content-hashed", [0]],
  ] as const)("at %s has imported all or nothing, and can do it again", async (name, allowed) => {
    tried.push(name);
    const dataDir = join(testDir(), "store");
    await killedAt(`${name}:kill`, ["import", dataDir, archive]);
    const nexus = await connect({ dataDir });
    const { ready } = await nexus.queue.status();
    expect(allowed).toContain(ready);
    const { entries } = await nexus.list({ limit: FILES + 1 });
    expect(entries).toHaveLength(ready);
    const [created, updated] = ready === 0 ? [FILES, 0] : [0, FILES];
    const again = await nexus.importMetadata(archive);
    // What has the same content already is updated.
    expect(again).toMatchObject({ created, updated, skipped: 0, remapped: 0 });
    const exported = join(dataDir, "..", "again.jsonl");
    await nexus.exportMetadata(exported);
    expect(readFileSync(exported).equals(readFileSync(records))).toBe(true);
    await nexus.close();
    expect(problemsIn(dataDir)).toStrictEqual([]);
  });

  test("when a lease has ended gives the item to the next who asks, once", async () => {
    tried.push("lease-expired");
    const dataDir = join(testDir(), "store");
    await killedAt("lease-expired:kill", ["lease", dataDir]);
    const nexus = await connect({ dataDir });
    expect(await nexus.queue.status()).toMatchObject({ ready: 1, in_progress: 0 });
    const item = await nexus.queue.claim({ worker: "second" });
    expect(item).toMatchObject({ path: "/jobs/one" });
    expect(await nexus.queue.claim({ worker: "third" })).toBeUndefined();
    await nexus.close();
    expect(problemsIn(dataDir)).toStrictEqual([]);
  });

  test("does so at each failpoint that no mount gets to", () => {
    expect(tried).toEqual(expect.arrayContaining([...BY_THE_LIBRARY]));
  });
});
