import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { Mounted, whyNoMounts } from "../support/daemon.js";
import { hashOf, problemsIn } from "../support/data-directory.js";
import { killNow } from "../support/processes.js";
import { ABSENT, type Acknowledged, acknowledged } from "./journal-of-writer.js";

const WRITER = fileURLToPath(new URL("writer.mjs", import.meta.url));

/**
 * When the daemon is killed, from the writer's first word on: while files are staged (sealing starts
 * after a second of quiet), while they are sealed, and later. The number is the writer's seed, too.
 */
const MOMENTS_MS = [3, 240, 1013, 1188, 1502];
/** At last, when the writer has got somewhere, however slow the machine is. */
const LAST = { afterMs: 2203, afterSteps: 101 };
/** ... but not as slow as this. */
const STEPS_MS = 60_000;

/**
 * Lets a writer work so long and so far, kills the daemon under it, and returns what had been
 * acknowledged.
 */
async function killWhileWriting(
  mounted: Mounted,
  { directory, afterMs, afterSteps }: { directory: string; afterMs: number; afterSteps: number },
): Promise<Acknowledged> {
  const writer = spawn(process.execPath, [WRITER, directory, String(afterMs)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  const first = new Promise((resolve) => {
    writer.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      resolve(undefined);
    });
  });
  const closed = new Promise((resolve) => writer.once("close", resolve));
  try {
    await Promise.race([first, closed]);
    await setTimeout(afterMs);
    const deadline = performance.now() + STEPS_MS;
    const goesOn = () =>
      writer.exitCode === null && writer.signalCode === null && performance.now() < deadline;
    while (goesOn() && acknowledged(output).steps < afterSteps) await setTimeout(20);
    await killNow(mounted.pid);
    await closed;
  } finally {
    writer.kill("SIGKILL");
  }
  return acknowledged(output);
}

/** The files that aren't as they were acknowledged. */
function wrongFiles(directory: string, { files }: Acknowledged): string[] {
  return [...files].flatMap(([name, allowed]) => {
    const found = hashOfFile(join(directory, name));
    if (allowed === undefined || allowed.includes(found)) return [];
    return [`${name} is ${found}, not ${allowed.join(" or ")}`];
  });
}

function hashOfFile(path: string): string {
  try {
    return hashOf(readFileSync(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return ABSENT;
    throw error;
  }
}

describe.skipIf(whyNoMounts() !== undefined)("a daemon that is killed under a writer", () => {
  // One store for all of them: each kill meets what the ones before have left.
  test("loses nothing that was closed, replaced, removed or synced, and leaves no litter", async () => {
    const mounted = await Mounted.start();
    try {
      const rounds: { directory: string; state: Acknowledged }[] = [];
      for (const moment of [...MOMENTS_MS.map((afterMs) => ({ afterMs, afterSteps: 0 })), LAST]) {
        const { afterMs, afterSteps } = moment;
        const directory = join(mounted.mountPoint, `round ${afterMs}`);
        const state = await killWhileWriting(mounted, { directory, ...moment });
        expect(state.steps, `${afterMs} ms`).toBeGreaterThanOrEqual(afterSteps);
        expect(state.ended, `${afterMs} ms`).toMatch(/ENOTCONN|ECONNABORTED/);
        rounds.push({ directory, state });

        await mounted.mount();
        for (const round of rounds) {
          expect(wrongFiles(round.directory, round.state), `${afterMs} ms`).toStrictEqual([]);
        }
        const synced = readFileSync(join(directory, "synced"), "utf8");
        expect(synced.startsWith(state.synced), `${afterMs} ms`).toBe(true);
        await mounted.unmount();
        expect(problemsIn(mounted.dataDir), `${afterMs} ms`).toStrictEqual([]);
        await mounted.mount();
      }
    } finally {
      await mounted.stop();
    }
  });
});
