import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { connect as connectType } from "../../src/index.js";
import { problemsIn } from "../support/data-directory.js";
import { makeTempDir, testDir } from "../support/temp-dir.js";

// An import is one transaction, and its contents come before it: killed at any moment, all of it happened
// or nothing, and it can be done again.

const NEXUS = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const BUILT = new URL("../../dist/index.js", import.meta.url).href;
const { connect } = (await import(BUILT)) as { connect: typeof connectType };

const FILES = 400;

let archive: string;
let records: string;

beforeAll(async () => {
  const dataDir = makeTempDir();
  archive = join(dataDir, "all.nexus");
  records = join(dataDir, "all.jsonl");
  const nexus = await connect({ dataDir: join(dataDir, "store") });
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
  return () => rmSync(dataDir, { recursive: true, force: true });
});

/** Starts an import and kills it after a while; returns whether it had ended before. */
async function killedAfter(delayMs: number, dataDir: string): Promise<boolean> {
  const child = spawn(process.execPath, [NEXUS, "--data-dir", dataDir, "import", archive], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const ended = once(child, "close");
  await Promise.race([setTimeout(delayMs), ended]);
  child.kill("SIGKILL");
  await ended;
  return child.exitCode === 0;
}

describe("an import that is killed", () => {
  // The last one has usually ended by then.
  test.each([400, 800, 1200, 1600, 4000])(
    "after %d ms has happened or it hasn't, and happens when it is asked for again",
    async (delayMs) => {
      const dataDir = join(testDir(), "store");
      const hasEnded = await killedAfter(delayMs, dataDir);
      const nexus = await connect({ dataDir });
      const { ready } = await nexus.queue.status();
      expect(hasEnded ? [FILES] : [0, FILES]).toContain(ready);
      const { entries } = await nexus.list({ limit: FILES + 1 });
      expect(entries).toHaveLength(ready);
      const again = await nexus.importMetadata(archive);
      // What has the same content already is updated.
      const [created, updated] = ready === 0 ? [FILES, 0] : [0, FILES];
      expect(again).toMatchObject({ created, updated, skipped: 0, remapped: 0 });
      const exported = join(dataDir, "..", "again.jsonl");
      await nexus.exportMetadata(exported);
      expect(readFileSync(exported).equals(readFileSync(records))).toBe(true);
      await nexus.close();
      expect(problemsIn(dataDir)).toStrictEqual([]);
    },
  );
});
