import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import type { connect as connectType, NexusClient } from "../../src/index.js";
import { problemsIn } from "../support/data-directory.js";
import { testDir } from "../support/temp-dir.js";

// A process that has the store open through the library, as it is installed.

const WRITER = fileURLToPath(new URL("library-writer.mjs", import.meta.url));
const BUILT = new URL("../../dist/index.js", import.meta.url).href;
const { connect } = (await import(BUILT)) as { connect: typeof connectType };

interface Written {
  readonly step: number;
  readonly path: string;
  readonly length: number;
}

interface Writer {
  readonly child: ChildProcess;
  /** Resolves at its first word. */
  readonly started: Promise<unknown>;
  /** Resolves with its exit code, null when it was killed, and what it said. */
  readonly ended: Promise<{ code: number | null; written: Written[] }>;
}

function startWriter(dataDir: string, until: "for-ever" | "and-end"): Writer {
  const stdio = ["ignore", "pipe", "inherit"] as const;
  const child = spawn(process.execPath, [WRITER, dataDir, until], { stdio: [...stdio] });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  let output = "";
  const started = new Promise((resolve) => {
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      resolve(undefined);
    });
  });
  const ended = new Promise<Awaited<Writer["ended"]>>((resolve) => {
    child.once("close", (code) => {
      const lines = output.split("\n").slice(0, -1);
      resolve({ code, written: lines.map((line) => JSON.parse(line) as Written) });
    });
  });
  return { child, started, ended };
}

/** What isn't as it was acknowledged; a step that came later may have been done, too. */
async function lost(nexus: NexusClient, written: readonly Written[]): Promise<string[]> {
  const last = new Map(written.map((file) => [file.path, file]));
  const newest = written.at(-1)?.step ?? 0;
  const problems: string[] = [];
  for (const { path, step, length } of last.values()) {
    const text = (await nexus.read(path)).toString();
    const found = text === "" ? step : Number.parseInt(text, 10);
    if (found > newest) continue;
    if (found !== step || (length > 0 && text.length !== Math.max(length, `${step} `.length))) {
      problems.push(
        `${path} has step ${found} with ${text.length} bytes, not ${step} with ${length}`,
      );
    }
    const tag = await nexus.metadata.get(path, "step");
    if (tag !== String(step)) problems.push(`${path} is tagged ${tag}, not ${step}`);
  }
  return problems;
}

describe("a process that uses the library", () => {
  test("ends although it doesn't close, and loses nothing", async () => {
    const dataDir = testDir();
    const { code, written } = await startWriter(dataDir, "and-end").ended;
    expect(code).toBe(0);
    expect(written).toHaveLength(20);
    const nexus = await connect({ dataDir });
    expect(await lost(nexus, written)).toStrictEqual([]);
    await nexus.close();
    expect(problemsIn(dataDir)).toStrictEqual([]);
  });

  test.each([30, 400, 1200])(
    "loses nothing acknowledged when it is killed after %i ms",
    async (ms) => {
      const dataDir = testDir();
      const { child, started, ended } = startWriter(dataDir, "for-ever");
      await started;
      await setTimeout(ms);
      child.kill("SIGKILL");
      const { written } = await ended;
      const nexus = await connect({ dataDir });
      expect(await lost(nexus, written)).toStrictEqual([]);
      await nexus.close();
      expect(problemsIn(dataDir)).toStrictEqual([]);
    },
  );

  test("has the store for itself, and says so to others by its number", async () => {
    const dataDir = testDir();
    const { child, started } = startWriter(dataDir, "for-ever");
    await started;
    await expect(connect({ dataDir })).rejects.toMatchObject({
      name: "InUseError",
      kind: "in-use",
      message: `the data directory ${dataDir} is in use by process ${child.pid}; end that first, or choose another data directory`,
    });
  });
});
